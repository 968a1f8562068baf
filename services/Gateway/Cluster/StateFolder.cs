using Fewshot.Artifacts;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Cluster;

/// <summary>Another gateway has the state folder.</summary>
public sealed class StateFolderTakenException(Exception inner) : HostOptionsException(
    "Fewshot:StateFolder is in use by another gateway: stop that one, or choose another folder. Gateways that share jobs need Redis.",
    inner);

/// <summary>
/// The folder of a gateway that keeps its jobs in files. One process has it at a time, and says in it where it listens, so that other
/// commands over the same folder find it.
/// </summary>
public sealed class StateFolder : IDisposable
{
    private const string Owner = ".owner", Address = ".address";
    private const int Tries = 4, Looks = 20;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(25), BetweenLooks = TimeSpan.FromMilliseconds(250);
    private readonly FileStream owner;

    /// <param name="stateFolder">Made when missing.</param>
    /// <exception cref="StateFolderTakenException">Another gateway has it.</exception>
    public StateFolder(string stateFolder)
    {
        Records = RecordsOf(stateFolder);
        DurableFolder.CreatePrivate(Records);
        for (var tries = 1; ; tries++)
        {
            try
            {
                owner = Lock(Records);
                break;
            }
            catch (IOException e) when (tries == Tries)
            {
                throw new StateFolderTakenException(e);
            }
            catch (IOException)
            {
                // Somebody may only be looking whether it is taken.
                Thread.Sleep(BetweenTries);
            }
        }

        File.Delete(Path.Combine(Records, Address));
    }

    /// <summary>Where the records of jobs are.</summary>
    public string Records { get; }

    /// <summary>
    /// Where the gateway listens that has a state folder; null when none has it. One that has just started is given five seconds to say so.
    /// </summary>
    public static async Task<Uri?> FindOwnerAsync(string stateFolder, CancellationToken ct)
    {
        var records = RecordsOf(stateFolder);
        for (var look = 0; look < Looks && IsTaken(records); look++)
        {
            var address = Path.Combine(records, Address);
            if (File.Exists(address) && Uri.TryCreate(await File.ReadAllTextAsync(address, ct), UriKind.Absolute, out var known))
                return known;
            await Task.Delay(BetweenLooks, ct);
        }

        return null;
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

    private static bool IsTaken(string records)
    {
        if (!File.Exists(Path.Combine(records, Owner)))
            return false;
        try
        {
            Lock(records).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static FileStream Lock(string records) =>
        new(Path.Combine(records, Owner), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
}
