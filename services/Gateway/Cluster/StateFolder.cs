using Fewshot.Artifacts;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Cluster;

/// <summary>Another gateway has the state folder.</summary>
public sealed class StateFolderTakenException(Exception inner) : HostOptionsException(
    "Fewshot:StateFolder is another running gateway's: stop that one, or choose another folder. Gateways that share jobs need Redis.", inner);

/// <summary>
/// The folder of a gateway that keeps its jobs in files: one process has it at a time, and says there where it listens, so that other commands
/// over the same folder find it.
/// </summary>
public sealed class StateFolder : IDisposable
{
    private const string Owner = ".owner", Address = ".address";
    private readonly FileStream owner;

    /// <param name="stateFolder">Made when missing.</param>
    /// <exception cref="StateFolderTakenException">Another gateway has it.</exception>
    public StateFolder(string stateFolder)
    {
        Records = RecordsOf(stateFolder);
        DurableFolder.CreatePrivate(Records);
        try
        {
            owner = Lock(Records);
        }
        catch (IOException e)
        {
            throw new StateFolderTakenException(e);
        }

        File.Delete(Path.Combine(Records, Address));
    }

    /// <summary>Where the records of jobs are.</summary>
    public string Records { get; }

    /// <summary>Who has a state folder, if somebody has: where that gateway listens, or null while it does not say.</summary>
    public static (bool Taken, Uri? Address) Find(string stateFolder)
    {
        var records = RecordsOf(stateFolder);
        if (!File.Exists(Path.Combine(records, Owner)))
            return (false, null);
        try
        {
            Lock(records).Dispose();
            return (false, null);
        }
        catch (IOException)
        {
            // It is.
        }

        try
        {
            return (true, Uri.TryCreate(File.ReadAllText(Path.Combine(records, Address)), UriKind.Absolute, out var address) ? address : null);
        }
        catch (FileNotFoundException)
        {
            return (true, null);
        }
    }

    /// <summary>Says where this gateway listens.</summary>
    public void Announce(Uri address)
    {
        var file = Path.Combine(Records, Address);
        File.WriteAllText(file + ".new", address.ToString());
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(Path.Combine(Records, Address));
        owner.Dispose();
    }

    private static string RecordsOf(string stateFolder) => Path.Combine(stateFolder, "records");

    private static FileStream Lock(string records) => new(Path.Combine(records, Owner), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
}
