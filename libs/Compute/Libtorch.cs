using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Fewshot.Compute.Loading;

namespace Fewshot.Compute;

/// <summary>Loads libtorch and TorchSharp's native library, with the process settings that make them fast.</summary>
public static class Libtorch
{
    private static readonly Lock Gate = new();
    private static nint bridge;
    private static bool prepared;

    /// <summary>What TorchSharp calls into: a file, or the relaxed copy of one on systems with an older libstdc++. Null before libtorch is loaded.</summary>
    public static string? Loader { get; private set; }

    /// <summary>The folder that libtorch was loaded from. Null before.</summary>
    public static string? Folder { get; private set; }

    /// <summary>What libtorch's libraries of kernels had to be told of this processor.</summary>
    public static IReadOnlyList<string> Told { get; private set; } = [];

    private static (string[] Before, string Bridge) Files =>
        OperatingSystem.IsWindows() ? (["c10.dll", "torch_cpu.dll", "torch.dll"], "LibTorchSharp.dll")
        : OperatingSystem.IsMacOS() ? (["libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib"], "libLibTorchSharp.dylib")
        : (["libc10.so", "libtorch_cpu.so", "libtorch.so"], "libLibTorchSharp.so");

    /// <summary>
    /// Settings that must be made before libtorch is loaded, which TorchSharp does at the first tensor operation. Cheap: a process that computes nothing
    /// never loads libtorch. Every assembly that computes calls this when it is loaded itself (ModuleStart.cs).
    /// </summary>
    public static void Prepare()
    {
        lock (Gate)
        {
            if (prepared)
                return;
            prepared = true;
            ProcessSettings.Apply();
            // Asked only when the usual search fails: on systems whose libstdc++ is too old for TorchSharp's library, and where something is missing,
            // which Load explains.
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name is "LibTorchSharp" or "torch_cpu" or "torch_cuda" ? Load() : 0;
            // TorchSharp's own search would load it without what its libraries must be told.
            if (AmdProcessor.IsUsed)
                TryLoad();
        }
    }

    /// <summary>Loads libtorch now, so that what keeps it from loading is said clearly.</summary>
    /// <exception cref="LibtorchException">It cannot be loaded.</exception>
    public static nint Load()
    {
        Prepare();
        lock (Gate)
        {
            if (bridge != 0)
                return bridge;
            var (before, last) = Files;
            foreach (var path in before.Select(Find))
            {
                var library = LoadFile(path);
                if (path.EndsWith("libtorch_cpu.so", StringComparison.Ordinal) && AmdProcessor.IsUsed)
                    Told = [.. AmdProcessor.Tell(library, path)];
                Folder = Path.GetDirectoryName(path);
            }

            (bridge, Loader) = LoadBridge(Find(last));
            return bridge;
        }
    }

    private static void TryLoad()
    {
        try
        {
            Load();
        }
        catch (LibtorchException)
        {
            // Nobody has asked for a tensor yet. Whoever does gets the same exception.
        }
    }

    private static (nint Handle, string Loader) LoadBridge(string path)
    {
        try
        {
            return (NativeLibrary.Load(path), path);
        }
        catch (DllNotFoundException e) when (e.Message.Contains(RelaxedLibrary.MissingVersion, StringComparison.Ordinal))
        {
            return (RelaxedLibrary.Load(path), $"{path}, a copy in memory without the need for {RelaxedLibrary.MissingVersion}, which this system's libstdc++ lacks");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw Explain(path, e);
        }
    }

    private static nint LoadFile(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw Explain(path, e);
        }
    }

    private static LibtorchException Explain(string path, Exception e)
    {
        var reason = e.Message.ReplaceLineEndings(" ");
        var remedy = reason switch
        {
            _ when reason.Contains("GLIBCXX", StringComparison.Ordinal) || reason.Contains("libstdc++", StringComparison.Ordinal) =>
                "install a newer libstdc++ (Debian and Ubuntu: the package libstdc++6)",
            _ when reason.Contains("GLIBC_", StringComparison.Ordinal) => "the system's C library is too old: use Debian 12, Ubuntu 22.04 or newer",
            _ when reason.Contains("libcuda", StringComparison.Ordinal) || reason.Contains("libnv", StringComparison.Ordinal) =>
                "install NVIDIA's driver, or build without -p:TorchCuda=true",
            _ when reason.Contains("cannot open shared object file", StringComparison.Ordinal) => "install the library that is named",
            _ => "the file may be damaged: delete the package's folder and build again",
        };
        return new LibtorchException($"{path} cannot be loaded: {reason}; {remedy}.", e);
    }

    /// <summary>Looks where the host looks for native libraries: the packages' folders during development, beside the program when it is published.</summary>
    private static string Find(string file)
    {
        var folders = ((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Append(AppContext.BaseDirectory).Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists)
            ?? throw new LibtorchException($"{file} is in none of the folders of native libraries ({string.Join(", ", folders)}): "
                + "run 'dotnet restore' and build again, or publish for this system (-r RID).");
    }
}
