using System.Runtime.InteropServices;

namespace Fewshot.Artifacts;

/// <summary>What of a write outlives the machine's stop. Readers see a file whole in any case.</summary>
public enum Durability
{
    /// <summary>Nothing for certain.</summary>
    None,

    /// <summary>This file or the one that was there before, whole.</summary>
    Either,

    /// <summary>This file.</summary>
    Full,
}

/// <summary>
/// A folder whose files appear whole or not at all: temp in the same folder, write, fsync, rename, fsync the folder. Temp files carry the
/// mark of the process that writes them; those of ended processes are removed when the folder is opened.
/// </summary>
public sealed partial class DurableFolder : IDisposable
{
    private const string TempPrefix = ".tmp-";
    private const uint StartWriting = 2;
    private const int Exists = 17, InvalidArgument = 22, NoSpace = 28, QuotaExceeded = 122;
    private readonly string path;

    /// <summary>Opens a folder, made when missing.</summary>
    public DurableFolder(string path)
    {
        this.path = CreatePrivate(path);
        Mark = ProcessMark.Create(Path.Combine(this.path, ".live"));
        Mark.Sweep(id =>
        {
            foreach (var leftover in Directory.EnumerateFiles(this.path, TempPrefix + id + "-*"))
                File.Delete(leftover);
        });
    }

    /// <summary>Makes a folder that only this user can enter; missing ones above it get the usual rights, and an existing one keeps its own.</summary>
    /// <returns>The full path.</returns>
    public static string CreatePrivate(string path)
    {
        path = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    internal ProcessMark Mark { get; }

    /// <summary>The path of one of its files, which need not exist.</summary>
    public string PathOf(string name) => Path.Combine(path, name);

    /// <summary>Names of the published files that match a pattern.</summary>
    public IEnumerable<string> Names(string pattern) =>
        Directory.EnumerateFiles(path, pattern).Select(file => Path.GetFileName(file)!).Where(name => !name.StartsWith(TempPrefix, StringComparison.Ordinal));

    /// <summary>Runs a write into a temp file, which is gone afterwards unless the write published it.</summary>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public async Task<T> WithTempAsync<T>(Func<FileStream, Task<T>> write)
    {
        string? name = null;
        try
        {
            await using var temp = CreateTemp();
            name = temp.Name;
            return await write(temp);
        }
        catch (IOException e) when (e.HResult is NoSpace or QuotaExceeded)
        {
            throw new StoreFullException("The disk that holds the state folder is full: free some space or choose another folder.", e);
        }
        finally
        {
            if (name is not null)
                File.Delete(name);
        }
    }

    /// <summary>Makes a temp file visible under a name, replacing what was there.</summary>
    public void Publish(FileStream temp, string name, Durability durability = Durability.Full)
    {
        if (durability != Durability.None)
            temp.Flush(flushToDisk: true);
        File.Move(temp.Name, PathOf(name), overwrite: true);
        if (durability == Durability.Full)
            Flush();
    }

    /// <summary>Lets the disk begin with what has been written of a large temp file, which else waits for the flush at its end.</summary>
    public static void BeginFlush(FileStream temp, long offset, long count) =>
        // Only a hint: what a file system makes of it does not matter.
        _ = SyncFileRange(temp.SafeFileHandle, offset, count, StartWriting);

    /// <summary>Writes a whole file, replacing what was there.</summary>
    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, Durability durability = Durability.Full) => WithTempAsync(async temp =>
    {
        await temp.WriteAsync(content);
        Publish(temp, name, durability);
        return true;
    });

    /// <summary>Writes a whole file unless the name is taken already; false when it is.</summary>
    public Task<bool> WriteFirstAsync(string name, ReadOnlyMemory<byte> content) => WithTempAsync(async temp =>
    {
        await temp.WriteAsync(content);
        temp.Flush(flushToDisk: true);
        // link(2) refuses an existing name, which rename(2) would silently replace: this is what makes the first writer win.
        var first = Link(temp.Name, PathOf(name)) == 0;
        if (!first && Marshal.GetLastPInvokeError() is not Exists and var errno)
            throw new IOException($"Cannot publish {name}: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
        Flush();
        return first;
    });

    /// <summary>Gives up the mark of this process.</summary>
    public void Dispose() => Mark.Dispose();

    private FileStream CreateTemp() => new(
        PathOf(TempPrefix + Mark.Id + "-" + Guid.NewGuid().ToString("n")),
        // Shared for reading: .NET locks what is not, and the lock would still be held when readers find the published file.
        FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>Makes renames and deletions in the folder durable.</summary>
    private void Flush()
    {
        var descriptor = Open(path, 0);
        if (descriptor < 0)
            throw new IOException($"Cannot open the state folder to flush it: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());
        try
        {
            // A file system that cannot flush folders answers EINVAL and has nothing to flush.
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is not InvalidArgument and var errno)
                throw new IOException($"Cannot flush the state folder: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncFileRange(Microsoft.Win32.SafeHandles.SafeFileHandle descriptor, long offset, long count, uint flags);
}
