using SkiaSharp;

namespace Fewshot.Imaging;

/// <summary>The native libraries that read and write images.</summary>
public static class ImagingLibraries
{
    /// <summary>libvips' version; everything but BMP goes through it.</summary>
    /// <exception cref="ImagingLibraryException">It cannot be loaded.</exception>
    public static string Vips()
    {
        Imaging.Vips.Require();
        return Imaging.Vips.Version;
    }

    /// <summary>Skia's version; BMP goes through it.</summary>
    /// <exception cref="ImagingLibraryException">It cannot be loaded.</exception>
    public static string Skia() => Loaded(() => SkiaSharpVersion.Native.ToString());

    /// <summary>Does what may be the first call into Skia.</summary>
    internal static T Loaded<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or InvalidOperationException)
        {
            throw new ImagingLibraryException(Failure("Skia", e));
        }
    }

    /// <summary>The first sentence of what the system says, and what to do.</summary>
    internal static string Failure(string library, Exception? e)
    {
        var reason = e?.GetBaseException().Message.Split('\n')[0].Split(". ")[0];
        return $"{library} cannot be loaded: {reason}; it comes with the program, so build or publish it again for this system";
    }
}
