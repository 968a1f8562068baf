using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>The C library's process-wide settings. .NET's own SetEnvironmentVariable does not reach native code.</summary>
internal static partial class LibC
{
    internal const int TrimThreshold = -1;
    internal const int TopPad = -2;
    internal const int MmapMax = -4;

    private const int Now = 2;
    private const int Global = 0x100;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string file, int flags);

    /// <summary>Sets a variable that is not set yet.</summary>
    internal static void SetDefault(string name, string value) => setenv(name, value, 0);

    /// <summary>Tunes glibc's allocator; another C library has no such call, and is left as it is.</summary>
    internal static void TuneMalloc(int parameter, int value)
    {
        try
        {
            _ = mallopt(parameter, value);
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no mallopt.
        }
    }

    /// <summary>Loads a library so that later ones resolve against it; nothing happens when it does not load.</summary>
    internal static void OpenGlobally(string file) => dlopen(file, Now | Global);
}
