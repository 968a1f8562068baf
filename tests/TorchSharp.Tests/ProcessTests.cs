using System.Runtime.InteropServices;
using TorchSharp;

namespace Fewshot.TorchSharp;

public sealed partial class ProcessTests
{
    [Fact]
    public void Threads_ByDefault_AreTheCores()
    {
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null)
            Assert.Equal(Environment.ProcessorCount, torch.get_num_threads());
    }

    [Fact]
    public void SetNumThreads_OnAThread_TakesEffectThere()
    {
        var seen = 0;
        var before = torch.get_num_threads();
        torch.set_num_threads(1);
        var thread = new Thread(() => seen = torch.get_num_threads());
        thread.Start();
        thread.Join();
        torch.set_num_threads(before);
        Assert.Equal(1, seen);
        Assert.Equal(before, torch.get_num_threads());
    }

    [SkippableFact]
    public void SpinCount_AfterLoading_IsInTheNativeEnvironment()
    {
        Skip.If(Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null, "OMP_WAIT_POLICY is set");
        _ = torch.__version__;
        Assert.Equal(Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") ?? "10000", Marshal.PtrToStringUTF8(getenv("GOMP_SPINCOUNT")));
    }

    [SkippableFact]
    public void Blas_OpenMpBuildInstalled_IsTheOneLoaded()
    {
        Skip.IfNot(File.Exists("/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3"), "libopenblas0-openmp is not installed");
        Skip.If(!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("LIBTORCH")), "another libtorch than the system's");
        using (torch.ones(8, 8).mm(torch.ones(8, 8)))
        {
            var maps = File.ReadLines("/proc/self/maps").Where(line => line.Contains("blas", StringComparison.Ordinal)).ToList();
            Assert.Contains(maps, line => line.Contains("openblas-openmp", StringComparison.Ordinal));
            Assert.DoesNotContain(maps, line => line.Contains("openblas-pthread", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Tf32_Switched_IsRemembered()
    {
        var before = torch.backends.cuda.matmul.allow_tf32;
        torch.backends.cuda.matmul.allow_tf32 = !before;
        Assert.Equal(!before, torch.backends.cuda.matmul.allow_tf32);
        torch.backends.cuda.matmul.allow_tf32 = before;
    }

    [Fact]
    public void Version_OfLibtorch_IsKnown() => Assert.Matches(@"^\d+\.\d+", torch.__version__);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getenv(string name);
}
