using Fewshot.Artifacts;

namespace Fewshot.Imaging;

/// <summary>An image as its file's bytes.</summary>
/// <param name="Name">Path below the set's root, with slashes.</param>
/// <param name="Encoded">A file that <see cref="ImageDecoder"/> reads.</param>
/// <param name="Label">Class index from 0; null where there is none.</param>
public sealed record ImageSetEntry(string Name, byte[] Encoded, int? Label)
{
    // The most that common file systems take.
    private const int MaxFileName = 255;

    /// <summary>
    /// Where the image goes in a folder of classes: <c>LABEL/NAME</c>. A set may come from a stranger, so its names are not trusted to stay in the folder.
    /// </summary>
    /// <exception cref="ImageSetException">
    /// There is no label, or the name is not made of ASCII letters, digits, dots, dashes and underscores, starting with none of the dots and dashes.
    /// </exception>
    public string ClassPath
    {
        get
        {
            if (Label is null)
                throw new ImageSetException("An image of the set has no label, so there is no class folder that it belongs in.");
            if (Name is not { Length: > 0 and <= MaxFileName } || Name[0] is '.' or '-' || !Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
                throw new ImageSetException($"The set names an image {Printable.Quote(Name)}, which is no file name of letters, digits, '.', '_' and '-'.");
            return $"{Label}/{Name}";
        }
    }
}

/// <summary>Images chosen for a run, encoded, in a fixed order.</summary>
public sealed class ImageSet
{
    /// <summary>A set of at least one image, all with labels or none.</summary>
    /// <param name="entries">The images.</param>
    /// <param name="classCount">Number of classes; null where the images have no labels.</param>
    /// <param name="skipped">How many files were left out because they could not be used.</param>
    /// <param name="skipReasons">The first reasons, each with the file's name.</param>
    /// <exception cref="ImageSetException">No image, or a label is missing or not below <paramref name="classCount"/>.</exception>
    public ImageSet(IReadOnlyList<ImageSetEntry> entries, int? classCount, int skipped = 0, IReadOnlyList<string>? skipReasons = null)
    {
        if (entries.Count == 0)
            throw new ImageSetException("The image set is empty.");
        if (entries.FirstOrDefault(e => classCount is null ? e.Label is not null : !(e.Label >= 0 && e.Label < classCount)) is { } wrong)
            throw new ImageSetException($"Image {wrong.Name} has label {wrong.Label?.ToString() ?? "(none)"}; the set has {classCount?.ToString() ?? "no"} classes.");
        (Entries, ClassCount, Skipped, SkipReasons) = (entries, classCount, skipped, skipReasons ?? []);
    }

    /// <summary>The images.</summary>
    public IReadOnlyList<ImageSetEntry> Entries { get; }

    /// <summary>Number of classes; null where the images have no labels.</summary>
    public int? ClassCount { get; }

    /// <summary>The images were made for a network at the size it takes: evaluation shows them as they are, without resize and crop.</summary>
    public bool Prepared { get; init; }

    /// <summary>How many files were left out because they could not be used.</summary>
    public int Skipped { get; }

    /// <summary>The first reasons for leaving files out, each with the file's name.</summary>
    public IReadOnlyList<string> SkipReasons { get; }

    /// <inheritdoc cref="ImageSetListing.FromFolder"/>
    public static ImageSetListing FromFolder(string path) => ImageSetListing.FromFolder(path);

    /// <inheritdoc cref="ImageSetListing.FromList"/>
    public static ImageSetListing FromList(string path) => ImageSetListing.FromList(path);

    /// <summary>From a folder or a list file, whichever the path is.</summary>
    /// <exception cref="ImageSetException">There is neither, or it holds no image.</exception>
    public static ImageSetListing From(string path) => Directory.Exists(path) ? FromFolder(path) : FromList(path);
}
