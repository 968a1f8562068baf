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

    /// <summary>
    /// The file of TorchSharp's native library, and whether a relaxed copy of it was loaded because libstdc++ is older. Null before
    /// libtorch is loaded.
    /// </summary>
    public static string? Loader { get; private set; }

    /// <summary>The folder that libtorch was loaded from. Null before.</summary>
    public static string? Folder { get; private set; }

    /// <summary>What oneDNN and MKL were told about this processor, for doctor.</summary>
    public static IReadOnlyList<string> Told { get; private set; } = [];

    private static (string[] Before, string Bridge) Files =>
        OperatingSystem.IsWindows() ? (["c10.dll", "torch_cpu.dll", "torch.dll"], "LibTorchSharp.dll")
        : OperatingSystem.IsMacOS() ? (["libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib"], "libLibTorchSharp.dylib")
        : (["libc10.so", "libtorch_cpu.so", "libtorch.so"], "libLibTorchSharp.so");

    /// <summary>
    /// Makes the settings that libtorch reads only once. TorchSharp loads libtorch at the first tensor operation, so every assembly that
    /// computes calls this from its module initializer (ModuleStart.cs). On AMD processors it also loads libtorch; elsewhere that waits
    /// until a tensor is needed.
    /// </summary>
    public static void Prepare()
    {
        lock (Gate)
        {
            if (prepared)
                return;
            prepared = true;
            ProcessSettings.Apply();
            // Raised only when the usual search fails: libstdc++ is too old for TorchSharp's library,
            // or a file is missing, and Load says which.
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
                name is "LibTorchSharp" or "torch_cpu" or "torch_cuda" ? Load() : 0;
            // oneDNN and MKL must be told about the processor before TorchSharp computes anything.
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

    /// <summary>Returns memory that tensors have left to the system. Called between pieces of work of different shapes, not inside a loop.</summary>
    public static void ReturnFreedMemory() => ProcessSettings.ReturnFreedMemory();

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
            return (
                RelaxedLibrary.Load(path),
                $"{path}, as a copy in memory that does not need {RelaxedLibrary.MissingVersion}, which this system's libstdc++ lacks");
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
        (string Sign, string Remedy)[] remedies =
        [
            ("GLIBCXX", "install a newer libstdc++ (Debian and Ubuntu: the package libstdc++6)"),
            ("libstdc++", "install libstdc++ (Debian and Ubuntu: the package libstdc++6)"),
            ("GLIBC_", "the C library is too old: use Debian 12, Ubuntu 22.04 or newer"),
            ("libcuda", "install NVIDIA's driver, or build without -p:TorchCuda=true"),
            ("libnv", "install NVIDIA's driver, or build without -p:TorchCuda=true"),
            ("cannot open shared object file", "install the library it names"),
        ];
        var remedy = remedies.FirstOrDefault(known => reason.Contains(known.Sign, StringComparison.Ordinal)).Remedy
            ?? "the file may be damaged: delete the package's folder and build again";
        return new LibtorchException($"{path} cannot be loaded: {reason}; {remedy}.", e);
    }

    /// <summary>
    /// Searches where the .NET host does: the package folders during development, beside the program when it is published.
    /// </summary>
    private static string Find(string file)
    {
        var searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        var folders = searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Append(AppContext.BaseDirectory)
                .Select(folder => Path.Combine(folder, file))
                .FirstOrDefault(File.Exists)
            ?? throw new LibtorchException($"{file} was not found in {string.Join(", ", folders)}: "
                + "run 'dotnet restore' and build again, or publish for this system (-r RID).");
    }
}
