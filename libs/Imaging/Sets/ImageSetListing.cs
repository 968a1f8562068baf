using System.Globalization;

namespace Fewshot.Imaging;

/// <summary>An image that is known by name only.</summary>
/// <param name="Name">Path below the set's root, with slashes.</param>
/// <param name="Path">Where the file is.</param>
/// <param name="Label">Class index; null where there is none.</param>
public sealed record ListedImage(string Name, string Path, int? Label);

/// <summary>The images of a folder or list, named and labelled but not read, and which of them are wanted.</summary>
public sealed class ImageSetListing
{
    private const int MostClasses = 1_000_000;
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif",
    };

    private ImageSetListing(string source, IReadOnlyList<ListedImage> images, int? classCount, IReadOnlyList<string>? classNames, IReadOnlyList<ImageDraw> draws)
    {
        (Source, Images, ClassCount, ClassNames, Draws) = (source, images, classCount, classNames, draws);
    }

    /// <summary>The folder or list file.</summary>
    public string Source { get; }

    /// <summary>Every image, ordered by name (folder) or as listed.</summary>
    public IReadOnlyList<ListedImage> Images { get; }

    /// <summary>Number of classes; null where the images have no labels.</summary>
    public int? ClassCount { get; }

    /// <summary>Names of the class folders by class index; null where the labels did not come from folder names.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    internal IReadOnlyList<ImageDraw> Draws { get; }

    /// <summary>Whether a file is taken for an image by its name's ending.</summary>
    public static bool HasImageName(string path) => Extensions.Contains(Path.GetExtension(path));

    /// <summary>
    /// The image files of a folder, recursively. When every image lies in a subfolder, the subfolders are classes: by number when all
    /// their names are numbers, by alphabetical (ordinal) order otherwise.
    /// </summary>
    /// <exception cref="ImageSetException">There is no such folder, or no image in it.</exception>
    public static ImageSetListing FromFolder(string path)
    {
        if (!Directory.Exists(path))
            throw new ImageSetException($"There is no image folder {path}.");
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 32, AttributesToSkip = FileAttributes.Hidden };
        var files = Guard(path, () => Directory.EnumerateFiles(path, "*", options).Where(HasImageName)
            .Select(f => (Name: Path.GetRelativePath(path, f).Replace(Path.DirectorySeparatorChar, '/'), Path: f))
            .OrderBy(f => f.Name, StringComparer.Ordinal).ToArray());
        if (files.Length == 0)
            throw new ImageSetException($"Folder {path} holds no image: none of its files ends in {string.Join(", ", Extensions)}.");
        if (files.Any(f => !f.Name.Contains('/', StringComparison.Ordinal)))
            return Whole(path, files.Select(f => new ListedImage(f.Name, f.Path, null)).ToArray(), null, null);

        // Empty class folders count, or the classes behind them would shift.
        var folders = Guard(path, () => new DirectoryInfo(path).EnumerateDirectories("*", new EnumerationOptions { AttributesToSkip = FileAttributes.Hidden })
            .Select(d => d.Name).Order(StringComparer.Ordinal).ToArray());
        Dictionary<string, int> classes;
        string[]? names = null;
        if (folders.All(f => ClassNumber(f) is not null))
        {
            classes = folders.ToDictionary(f => f, f => ClassNumber(f)!.Value, StringComparer.Ordinal);
        }
        else
        {
            names = folders;
            classes = folders.Select((f, i) => (f, i)).ToDictionary(f => f.f, f => f.i, StringComparer.Ordinal);
        }

        var images = files.Select(f => new ListedImage(f.Name, f.Path, classes[f.Name[..f.Name.IndexOf('/', StringComparison.Ordinal)]])).ToArray();
        return Whole(path, images, classes.Values.Max() + 1, names);
    }

    /// <summary>
    /// The images of a text file: a line is a path, relative to the list's folder or absolute, and optionally a tab or blank and a class index.
    /// Empty lines and lines that start with # are passed over. All lines have a label, or none.
    /// </summary>
    /// <exception cref="ImageSetException">There is no such file, it lists nothing, or a line is wrong (the message has its number).</exception>
    public static ImageSetListing FromList(string path)
    {
        if (!File.Exists(path))
            throw new ImageSetException($"There is no image folder or list file {path}.");
        var root = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var images = new List<ListedImage>();
        var number = 0;
        foreach (var line in Guard(path, () => File.ReadAllLines(path)))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line) || line[0] == '#')
                continue;
            if (line.Contains('\0', StringComparison.Ordinal))
                throw new ImageSetException($"{path} is not a list of images: line {number} is not text.");
            var (name, label) = Split(line.TrimEnd('\r', ' ', '\t'), path, number);
            if (images.Count > 0 && images[0].Label is null != label is null)
                throw new ImageSetException($"{path}, line {number}: {(label is null ? "has no label, while lines before have" : "has a label, while lines before have none")}.");
            images.Add(new ListedImage(name, Path.Combine(root, name), label));
        }

        if (images.Count == 0)
            throw new ImageSetException($"List {path} names no image.");
        return Whole(path, images, images.Max(i => i.Label) + 1, null);
    }

    /// <summary>
    /// n images drawn with the seed. A smaller sample is part of a larger one of the same seed; a drawn image that cannot be used gives way
    /// to the next one drawn.
    /// </summary>
    /// <exception cref="ImageSetException">There are fewer than n.</exception>
    public ImageSetListing Sample(int n, ulong seed)
    {
        if (n < 1 || n > Images.Count)
            throw new ImageSetException($"{n} images are asked for; {Source} holds {Images.Count}.");
        return new(Source, Images, ClassCount, ClassNames, [new ImageDraw(SeededSampler.Permutation(Images.Count, seed), n)]);
    }

    /// <summary>k images of each class that has any, drawn with the seed as <see cref="Sample"/> draws.</summary>
    /// <exception cref="ImageSetException">The images have no labels, or a class has fewer than k.</exception>
    public ImageSetListing SamplePerClass(int k, ulong seed)
    {
        if (k < 1)
            throw new ImageSetException($"{k} images a class are asked for; at least 1 is needed.");
        if (ClassCount is null)
            throw new ImageSetException($"{k} images a class are asked for, but the images of {Source} have no classes: put them in one folder a class, or add labels to the list.");
        var draws = new List<ImageDraw>();
        foreach (var group in Enumerable.Range(0, Images.Count).GroupBy(i => Images[i].Label!.Value).OrderBy(g => g.Key))
        {
            var members = group.ToArray();
            if (members.Length < k)
                throw new ImageSetException($"{k} images a class are asked for; class {ClassNames?[group.Key] ?? group.Key.ToString()} of {Source} has {members.Length}.");
            draws.Add(new ImageDraw(Array.ConvertAll(SeededSampler.Permutation(members.Length, seed, group.Key), i => members[i]), k));
        }

        return new(Source, Images, ClassCount, ClassNames, draws);
    }

    /// <summary>
    /// Reads the wanted images and decodes each once to see that it is whole. What is missing, damaged or too large is skipped and counted;
    /// the result keeps the order of <see cref="Images"/>.
    /// </summary>
    /// <param name="maxPixels">Largest width x height of an image.</param>
    /// <param name="ct">Stops the reading.</param>
    /// <exception cref="ImageSetException">No image is left.</exception>
    public ImageSet Load(int maxPixels = ImageLimits.MaxPixels, CancellationToken ct = default) =>
        ImageSetLoader.Load(this, maxPixels, ct);

    private static ImageSetListing Whole(string source, IReadOnlyList<ListedImage> images, int? classCount, IReadOnlyList<string>? classNames) =>
        new(source, images, classCount, classNames, [new ImageDraw(Enumerable.Range(0, images.Count).ToArray(), images.Count)]);

    private static int? ClassNumber(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < MostClasses ? number : null;

    private static (string Name, int? Label) Split(string line, string path, int number)
    {
        if (line.LastIndexOf('\t') is >= 0 and var tab)
        {
            return (line[..tab], ClassNumber(line[(tab + 1)..].Trim())
                ?? throw new ImageSetException($"{path}, line {number}: the label after the tab is not a class index from 0."));
        }

        // A path may hold blanks itself; a label after a blank is nothing but digits.
        var blank = line.LastIndexOf(' ');
        return blank > 0 && ClassNumber(line[(blank + 1)..]) is { } label ? (line[..blank].TrimEnd(), label) : (line, null);
    }

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageSetException($"{path} cannot be read: {e.Message}", e);
        }
    }
}

/// <summary>Candidates in the order of drawing, as indices of the listing, and how many of them are wanted.</summary>
internal sealed record ImageDraw(IReadOnlyList<int> Order, int Wanted);
