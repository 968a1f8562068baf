using System.Reflection;
using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>Loads the shim, and with it libtorch, at the first tensor operation: a process that computes nothing never pays for it.</summary>
internal static class ShimLoader
{
    private static readonly Lock Gate = new();
    private static nint library;

    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(ShimLoader).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != "fewshot_torch")
            return 0;
        lock (Gate)
            return library != 0 ? library : library = Load(assembly, path);
    }

    private static nint Load(Assembly assembly, DllImportSearchPath? path)
    {
        ProcessSettings.Apply();
        var libtorch = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(data => data.Key == "Libtorch")?.Value;
        if (string.IsNullOrEmpty(libtorch))
            PreferOneThreadPool();

        var loaded = NativeLibrary.TryLoad("fewshot_torch", assembly, path, out var handle)
            ? handle
            : throw new DllNotFoundException($"libfewshot_torch.so or the libtorch it was built against ({(string.IsNullOrEmpty(libtorch) ? "Debian's libtorch-dev" : libtorch)}) "
                + $"could not be loaded from {AppContext.BaseDirectory}: {Reason()}");
        ProcessSettings.ApplyTo(loaded);
        return loaded;
    }

    /// <summary>
    /// Debian's libtorch takes whichever BLAS the alternatives name. The OpenMP build of OpenBLAS shares libtorch's thread pool; the pthread build brings a
    /// second one that spins against it. Loading the former first makes it the one libtorch binds to.
    /// </summary>
    private static void PreferOneThreadPool()
    {
        var machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64";
        foreach (var name in (string[])["libopenblas.so.0", "libblas.so.3", "liblapack.so.3"])
        {
            var file = $"/usr/lib/{machine}-linux-gnu/openblas-openmp/{name}";
            if (File.Exists(file))
                LibC.OpenGlobally(file);
        }
    }

    private static string Reason()
    {
        try
        {
            NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, "libfewshot_torch.so"));
            return "unknown reason";
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            return error.Message.ReplaceLineEndings(" ");
        }
    }
}
