namespace Fewshot.Artifacts;

/// <summary>
/// A file locked (flock) for as long as this process lives. The kernel drops the lock however the process ends, so what carries the mark's
/// id - temp files, leases - can be told from what a dead process left behind, without process numbers or clocks.
/// </summary>
internal sealed class ProcessMark : IDisposable
{
    private readonly string folder;
    private readonly FileStream held;
    private readonly bool locksWork;

    private ProcessMark(string folder, string id, FileStream held)
    {
        this.folder = folder;
        this.held = held;
        Id = id;
        locksWork = Probe(id);
    }

    public string Id { get; }

    public static ProcessMark Create(string folder)
    {
        Directory.CreateDirectory(folder);
        while (true)
        {
            var id = Guid.NewGuid().ToString("n");
            var path = Path.Combine(folder, id);
            try
            {
                var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
                // Another process may have swept the file between its creation and its locking.
                if (File.Exists(path))
                    return new ProcessMark(folder, id, file);
                file.Dispose();
            }
            catch (IOException) when (File.Exists(path))
            {
                // Being looked at by another process at this very moment: take another name.
            }
        }
    }

    /// <summary>False once the marked process has ended. Always true where the file system has no locks.</summary>
    public bool IsAlive(string id) => !locksWork || Probe(id);

    /// <summary>Removes the marks of processes that ended; <paramref name="cleanUp"/> first removes what they left.</summary>
    public void Sweep(Action<string> cleanUp)
    {
        foreach (var path in Directory.EnumerateFiles(folder))
        {
            var id = Path.GetFileName(path);
            if (IsAlive(id))
                continue;
            cleanUp(id);
            File.Delete(path);
        }
    }

    public void Dispose()
    {
        File.Delete(held.Name);
        held.Dispose();
    }

    private bool Probe(string id)
    {
        try
        {
            new FileStream(Path.Combine(folder, id), FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0).Dispose();
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
