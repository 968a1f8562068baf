using Fewshot.Artifacts;

namespace Fewshot.Cli.Output;

/// <summary>Result files that appear whole or not at all: written beside their place, flushed to the disk, then renamed.</summary>
internal sealed class AtomicOutput : IDisposable
{
    private readonly List<(string Temporary, string Final)> files = [];

    /// <summary>Makes the folder and finds out that it takes files, before hours are spent on what goes into it.</summary>
    /// <exception cref="CommandException">The folder cannot be made or written.</exception>
    public static void CheckFolder(string option, string folder) => Check(option, folder, path => Directory.CreateDirectory(path));

    /// <summary>The same for a state folder, which holds models and images: one that is made here is for this user alone.</summary>
    /// <inheritdoc cref="CheckFolder"/>
    public static void CheckState(string folder) => Check("--state", folder, path => DurableFolder.CreatePrivate(path));

    public static void CheckFile(string option, string path)
    {
        if (Directory.Exists(path)) throw CommandException.BadInput($"{option}: '{path}' is a folder; name a file");
        CheckFolder(option, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    public async Task AddAsync(string path, Func<Stream, Task> write)
    {
        path = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():n}");
        files.Add((temporary, path));
        await using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        await write(stream);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Puts all files into their places, in the order they were added.</summary>
    public void Commit()
    {
        foreach (var (temporary, final) in files)
            File.Move(temporary, final, overwrite: true);
        files.Clear();
    }

    public void Dispose()
    {
        foreach (var (temporary, _) in files)
            File.Delete(temporary);
    }

    public static async Task WriteAsync(string path, Func<Stream, Task> write)
    {
        using var output = new AtomicOutput();
        await output.AddAsync(path, write);
        output.Commit();
    }

    private static void Check(string option, string folder, Action<string> create)
    {
        try
        {
            create(folder);
            var probe = Path.Combine(folder, $".fewshot-{Guid.NewGuid():n}");
            using (new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CommandException.BadInput($"{option}: cannot write to the folder '{folder}' ({exception.Message})", exception);
        }
    }
}
