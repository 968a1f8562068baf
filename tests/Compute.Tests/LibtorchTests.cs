using Fewshot.Compute.Loading;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Compute.Tests;

public class LibtorchTests
{
    [Fact]
    public void Load_ThisMachine_SaysFromWhere()
    {
        Libtorch.Load();
        Assert.True(File.Exists(Path.Combine(Libtorch.Folder!, OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so")));
        Assert.Contains("LibTorchSharp", Libtorch.Loader!, StringComparison.Ordinal);
        Assert.Equal(Environment.ProcessorCount, Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null ? get_num_threads() : Environment.ProcessorCount);
    }

    /// <summary>On a virtual machine that hides its caches, libtorch 2.10 computes these wrong, or ends the process.</summary>
    [Theory]
    [InlineData(3, 512, 2048, 1, 1, 7)]
    [InlineData(3, 288, 80, 1, 1, 1)]
    [InlineData(32, 128, 40, 1, 1, 28)]
    [InlineData(64, 16, 512, 1, 2, 16)]
    [InlineData(8, 24, 256, 3, 1, 28)]
    [InlineData(16, 24, 8, 3, 1, 4)]
    public void Convolution_AnyLayout_AgreesWithFloat64(long images, long inputs, long outputs, long kernel, long stride, long size)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var x = randn([images, inputs, size, size], generator: generator);
        var weight = randn([outputs, inputs, kernel, kernel], generator: generator).mul_(0.1);
        foreach (var channelsLast in (bool[])[false, true])
        {
            var map = (channelsLast ? ChannelsLast(x) : x.clone()).requires_grad_();
            var gradient = Run(map, weight, stride, kernel / 2, out var output);
            var exact = Run(x.to(float64).requires_grad_(), weight.to(float64), stride, kernel / 2, out var wanted);
            Assert.InRange((output.to(float64) - wanted).abs().max().item<double>() / wanted.abs().max().item<double>(), 0, 1e-5);
            Assert.InRange((gradient.to(float64) - exact).abs().max().item<double>() / exact.abs().max().item<double>(), 0, 1e-5);
        }
    }

    [Fact]
    public void MatrixProduct_AgreesWithFloat64()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var (x, weight) = (randn([2500, 140], generator: generator), randn([384, 140], generator: generator));
        var wanted = F.linear(x.to(float64), weight.to(float64));
        Assert.InRange((F.linear(x, weight).to(float64) - wanted).abs().max().item<double>() / wanted.abs().max().item<double>(), 0, 1e-5);
    }

    /// <summary>The words by which services know that a worker ran out of memory (ErrorTranslator).</summary>
    [Fact]
    public void Empty_MoreThanThereIs_SaysThatMemoryCannotBeAllocated()
    {
        var error = Assert.ThrowsAny<System.Runtime.InteropServices.ExternalException>(() => empty(1L << 46));
        Assert.Contains("can't allocate memory", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Relax_TorchSharpsLibrary_NeedsTheOneSymbolNoMore()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "an ELF library");
        Libtorch.Load();
        var path = Libtorch.Loader!.Split(',')[0];
        var relaxed = RelaxedLibrary.Relax(File.ReadAllBytes(path), path);
        // The same again finds nothing left to do: nothing is bound to the version any more.
        var error = Assert.Throws<LibtorchException>(() => RelaxedLibrary.Relax(relaxed, path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MZ and no ELF library at all, though it is long enough for a header of sixty-four bytes")]
    public void Relax_NoLibrary_IsRefused(string content)
    {
        var image = System.Text.Encoding.ASCII.GetBytes(content);
        Assert.Throws<LibtorchException>(() => RelaxedLibrary.Relax(image, "broken.so"));
    }

    private static Tensor Run(Tensor x, Tensor weight, long stride, long padding, out Tensor output)
    {
        output = F.conv2d(x, weight, strides: [stride, stride], padding: [padding, padding]);
        return autograd.grad([output.sum()], [x])[0];
    }

    private static Tensor ChannelsLast(Tensor map) => map.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
}
