using Fewshot.Imaging;

namespace Fewshot.Cli.Output;

/// <summary>
/// An image set as a folder that is itself usable as <c>--images</c> and <c>--eval</c>: <c>CLASS/NNNNNN.png</c>, the class folders named by their index.
/// Other images in it would count as part of the set, so there may be none.
/// </summary>
internal static class ImageFolder
{
    /// <summary>Makes the folder and finds out whether a set can go into it, and whether a preview beside it would count as one of its images.</summary>
    /// <exception cref="CommandException">It cannot be written, or holds images that are none of ours.</exception>
    public static void Check(string folder, string? preview)
    {
        AtomicOutput.CheckFolder("--out", folder);
        if (preview is not null && Path.GetFullPath(preview).StartsWith(Path.GetFullPath(folder).TrimEnd('/') + "/", StringComparison.Ordinal))
            throw CommandException.BadInput($"--preview: '{preview}' lies in the image folder '{folder}', where it would count as one of the images; put it elsewhere");
        if (preview is not null) AtomicOutput.CheckFile("--preview", preview);
        if (Images(folder).FirstOrDefault(name => !IsOurs(name)) is { } foreign) throw Mixed(folder, foreign);
    }

    /// <summary>Adds every image of a set to an output.</summary>
    /// <exception cref="CommandException">The folder holds images of another set, or the set's names are no file names; nothing was written.</exception>
    public static async Task AddAsync(this AtomicOutput output, string folder, ImageSet set, CancellationToken ct)
    {
        var names = Names(set);
        if (Images(folder).Except(names, StringComparer.Ordinal).FirstOrDefault() is { } other) throw Mixed(folder, other);
        foreach (var (name, entry) in names.Zip(set.Entries))
        {
            var path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await output.AddAsync(path, file => file.WriteAsync(entry.Encoded, ct).AsTask());
        }
    }

    private static string[] Names(ImageSet set)
    {
        try
        {
            return [.. set.Entries.Select(entry => entry.ClassPath)];
        }
        catch (ImageSetException exception)
        {
            throw CommandException.BadInput($"--out: the images that the gateway sent cannot be written ({exception.Message.TrimEnd('.')})", exception);
        }
    }

    private static IEnumerable<string> Images(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(ImageSetListing.HasImageName).Select(path => Path.GetRelativePath(folder, path)).Order(StringComparer.Ordinal);

    private static CommandException Mixed(string folder, string name) =>
        CommandException.BadInput($"--out: '{folder}' holds other images ('{name}'), which would mix with the new ones; choose another folder (what is finished is kept)");

    private static bool IsOurs(string name) =>
        name.Split('/') is [var label, var file] && label.All(char.IsAsciiDigit) && file.EndsWith(".png", StringComparison.Ordinal) && file[..^4].All(char.IsAsciiDigit);
}
