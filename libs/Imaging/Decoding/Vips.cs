using NetVips;
using Vipslib = NetVips.NetVips;

namespace Fewshot.Imaging;

/// <summary>
/// libvips, set up once to read untrusted files: only the loaders that <see cref="VipsFile"/> calls can run, nothing is remembered
/// between calls, and an operation uses the thread that asks for it, since our own workers share the cores already.
/// </summary>
internal static class Vips
{
    private static readonly string[] Loaders = ["Jpeg", "Png", "Webp", "Tiff", "Nsgif"];
    private static readonly string? Failure = SetUp();

    public static string Version => $"{Vipslib.Version(0)}.{Vipslib.Version(1)}.{Vipslib.Version(2)}";

    /// <exception cref="ImagingLibraryException">libvips cannot be loaded.</exception>
    public static void Require()
    {
        if (Failure is not null)
            throw new ImagingLibraryException(Failure);
    }

    private static string? SetUp()
    {
        if (!ModuleInitializer.VipsInitialized)
            return ImagingLibraries.Failure("libvips", ModuleInitializer.Exception);
        Vipslib.BlockUntrusted = true;
        Operation.Block("VipsForeignLoad", true);
        foreach (var loader in Loaders)
            Operation.Block($"VipsForeignLoad{loader}Source", false);
        Cache.Max = 0;
        Vipslib.Concurrency = 1;
        // Warnings about odd but readable files would go to standard error.
        Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning | Enums.LogLevelFlags.Info, static (_, _, _) => { });
        return null;
    }
}
