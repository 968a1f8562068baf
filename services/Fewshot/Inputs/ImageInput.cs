using Fewshot.Cli.Options;
using Fewshot.Imaging;

namespace Fewshot.Cli.Inputs;

/// <summary>Image folders and lists as the exact set of images that a job uses.</summary>
internal static class ImageInput
{
    private const int ReasonsShown = 3;
    private static readonly string[] TrainFolders = ["train", "training"];
    private static readonly string[] TestFolders = ["val", "validation", "test"];

    /// <summary>Draws the sample with its seed and loads it.</summary>
    /// <exception cref="CommandException">Nothing is there, or fewer images than asked, or none can be decoded.</exception>
    public static ImageSet Sample(ImageSettings settings, Action<string> note, CancellationToken ct)
    {
        const string option = "--images";
        return Named(settings.Samples is null ? option : "--samples", () =>
        {
            var listing = List(option, Within(settings.Path, TrainFolders, note, option));
            var sample = settings.SamplesPerClass is { } each
                ? listing.SamplePerClass(each, settings.Seed)
                : listing.Sample(settings.Samples ?? Math.Min(listing.Images.Count, ImageOptions.UsualSamples), settings.Seed);
            return Load(option, sample, settings.MaxPixels, note, ct);
        });
    }

    /// <summary>Loads all images, with their labels.</summary>
    /// <exception cref="CommandException">Nothing is there, there are no labels, or no image can be decoded.</exception>
    public static ImageSet Labeled(string option, string path, int maxPixels, bool training, Action<string> note, CancellationToken ct)
    {
        var listing = List(option, Within(path, training ? TrainFolders : TestFolders, note, option));
        if (listing.ClassCount is null)
            throw CommandException.BadInput($"{option}: '{path}' has no labels; put the images into one folder for each class, or name a list file of 'path label' lines");
        return Load(option, listing, maxPixels, note, ct);
    }

    /// <summary>A dataset's own folder stands for the split in it that is meant.</summary>
    private static string Within(string path, string[] splits, Action<string> note, string option)
    {
        if (!Directory.Exists(path)) return path;
        var folders = Directory.GetDirectories(path).Select(folder => Path.GetFileName(folder)!).ToArray();
        var isDataset = folders.Any(TrainFolders.Contains) && folders.Any(TestFolders.Contains);
        if (!isDataset) return path;
        var split = Path.Combine(path, splits.First(folders.Contains));
        note($"{option}: '{path}' is a whole dataset; using '{split}'");
        return split;
    }

    private static ImageSetListing List(string option, string path) => Named(option, () => ImageSet.From(path));

    private static ImageSet Load(string option, ImageSetListing listing, int maxPixels, Action<string> note, CancellationToken ct)
    {
        var images = Named(option, () => listing.Load(maxPixels, ct));
        if (images.Skipped > 0)
            note($"{option}: skipped {images.Skipped} unusable images, {images.Entries.Count} are used: {string.Join(" ", images.SkipReasons.Take(ReasonsShown))}");
        return images;
    }

    private static T Named<T>(string option, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ImageSetException exception)
        {
            throw CommandException.BadInput($"{option}: {exception.Message}", exception);
        }
    }
}
