using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fewshot.Imaging.Native;

/// <summary>The part of libturbojpeg's API (version 2 names, kept by version 3) that decoding needs.</summary>
internal static unsafe partial class TurboJpeg
{
    public const int FormatRgb = 0, FormatGrey = 6, FormatCmyk = 11;
    public const int SpaceGrey = 2, SpaceCmyk = 3, SpaceYcck = 4;

    /// <summary>Stop at 500 scans: a progressive file of a few kilobytes can otherwise keep a core busy for minutes.</summary>
    public const int LimitScans = 32768;

    /// <summary>tjGetErrorCode: damaged, but decoded to the end.</summary>
    public const int Warning = 0;

    private const string Library = "libturbojpeg.so.0";
    private static bool present;

    public static Decompressor Create()
    {
        NativeLibraries.Require(Library, "libturbojpeg0", ref present);
        var decompressor = InitDecompress();
        return decompressor.IsInvalid ? throw new ImagingLibraryException("libturbojpeg cannot create a decoder.") : decompressor;
    }

    public static string ErrorOf(Decompressor decompressor) => Marshal.PtrToStringUTF8(GetErrorStr2(decompressor)) ?? "unknown";

    [LibraryImport(Library, EntryPoint = "tjDecompressHeader3")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int DecompressHeader3(
        Decompressor decompressor, byte* encoded, nuint size, out int width, out int height, out int subsampling, out int colourSpace);

    [LibraryImport(Library, EntryPoint = "tjDecompress2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Decompress2(Decompressor decompressor, byte* encoded, nuint size, byte* pixels, int width, int pitch, int height, int format, int flags);

    [LibraryImport(Library, EntryPoint = "tjGetErrorCode")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int GetErrorCode(Decompressor decompressor);

    [LibraryImport(Library, EntryPoint = "tjInitDecompress")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial Decompressor InitDecompress();

    [LibraryImport(Library, EntryPoint = "tjGetErrorStr2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint GetErrorStr2(Decompressor decompressor);

    [LibraryImport(Library, EntryPoint = "tjDestroy")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Destroy(nint handle);

    /// <summary>One decoder; for one thread at a time.</summary>
    internal sealed class Decompressor() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => Destroy(handle) == 0;
    }
}
