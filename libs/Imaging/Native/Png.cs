using System.Runtime.InteropServices;

namespace Fewshot.Imaging.Native;

/// <summary>libpng's simplified API: the rest reports errors by longjmp, which must not cross managed frames.</summary>
internal static unsafe partial class Png
{
    public const uint Alpha = 1, Colour = 2;

    /// <summary>Sixteen-bit samples are sRGB like any other, not linear light.</summary>
    public const uint SixteenBitSrgb = 4;

    private const string Library = "libpng16.so.16";
    private const uint Version = 1;
    private static bool present;

    public static Control Create()
    {
        NativeLibraries.Require(Library, "libpng16-16", ref present);
        return new Control();
    }

    [LibraryImport(Library, EntryPoint = "png_image_begin_read_from_memory")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BeginRead(Control image, byte* memory, nuint size);

    [LibraryImport(Library, EntryPoint = "png_image_finish_read")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int FinishRead(Control image, nint background, byte* pixels, int rowStride, nint colourMap);

    [LibraryImport(Library, EntryPoint = "png_image_write_to_memory")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int WriteToMemory(Control image, byte* memory, ref nuint size, int convertTo8Bit, byte* pixels, int rowStride, nint colourMap);

    [LibraryImport(Library, EntryPoint = "png_image_free")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Free(nint image);

    /// <summary>The C structure <c>png_image</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Fields
    {
        public nint Opaque;
        public uint Version, Width, Height, Format, Flags, ColourMapEntries, WarningOrError;
        public fixed byte Message[64];
    }

    /// <summary>A <c>png_image</c> in native memory and what libpng hangs onto it.</summary>
    internal sealed class Control : SafeHandle
    {
        public Control()
            : base(0, ownsHandle: true)
        {
            handle = (nint)NativeMemory.AllocZeroed((nuint)sizeof(Fields));
            Values.Version = Version;
        }

        public override bool IsInvalid => handle == 0;

        public ref Fields Values => ref *(Fields*)handle;

        public string Message
        {
            get
            {
                fixed (byte* text = Values.Message)
                    return Marshal.PtrToStringUTF8((nint)text) ?? "unknown";
            }
        }

        protected override bool ReleaseHandle()
        {
            Free(handle);
            NativeMemory.Free((void*)handle);
            return true;
        }
    }
}
