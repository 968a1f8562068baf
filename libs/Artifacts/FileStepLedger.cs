using System.Text;
using System.Text.Json;

namespace Fewshot.Artifacts;

/// <summary>
/// The ledger as files of one local folder: <c>KEY.result</c> and <c>KEY.checkpoint</c> hold a digest, <c>KEY.lease</c> its holder; the lease
/// file's modification time is the heartbeat. Any number of processes of one machine may share the folder.
/// </summary>
public sealed class FileStepLedger : IStepLedger, IDisposable
{
    private readonly DurableFolder files;
    private readonly TimeSpan expiry;
    private readonly SemaphoreSlim own = new(1);

    /// <summary>Opens or creates the folder.</summary>
    /// <param name="folder">The ledger's own folder.</param>
    /// <param name="leaseExpiry">How long a lease lasts without renewal while its process lives; 30 s when null.</param>
    public FileStepLedger(string folder, TimeSpan? leaseExpiry = null)
    {
        files = new DurableFolder(folder);
        expiry = leaseExpiry ?? TimeSpan.FromSeconds(30);
    }

    /// <inheritdoc/>
    public Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default) => Task.FromResult(ReadDigest(ResultOf(key)));

    /// <inheritdoc/>
    public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default) => Task.FromResult(ReadDigest(CheckpointOf(key)));

    /// <inheritdoc/>
    public async Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default)
    {
        using var gate = await EnterAsync(ct);
        if (ReadDigest(ResultOf(key)) is not null || (ReadHolder(key) is { } held && IsHeld(key, held)))
            return null;
        var holder = new Holder(files.Mark.Id, Guid.NewGuid().ToString("n"), owner);
        // Whole, but not durable: when the machine stops, so does who holds the lease.
        await files.WriteAsync(LeaseOf(key), JsonSerializer.SerializeToUtf8Bytes(holder), Durability.None);
        return new Lease(this, key, holder);
    }

    /// <inheritdoc/>
    public async Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default)
    {
        if (lease is not Lease own)
            throw new ArgumentException("The lease is not one of this ledger's.", nameof(lease));
        using var gate = await EnterAsync(ct);
        Ensure(own);
        await files.WriteAsync(CheckpointOf(own.Key), Encoding.ASCII.GetBytes(checkpoint.ToString()));
    }

    /// <inheritdoc/>
    public async Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default)
    {
        using var gate = await EnterAsync(ct);
        if (ReadDigest(ResultOf(key)) == lost)
            File.Delete(files.PathOf(ResultOf(key)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        files.Dispose();
        own.Dispose();
    }

    private static string ResultOf(StepKey key) => key.Hex + ".result";

    private static string CheckpointOf(StepKey key) => key.Hex + ".checkpoint";

    private static string LeaseOf(StepKey key) => key.Hex + ".lease";

    private bool IsHeld(StepKey key, Holder holder) =>
        files.Mark.IsAlive(holder.Process) && DateTime.UtcNow - File.GetLastWriteTimeUtc(files.PathOf(LeaseOf(key))) < expiry;

    private void Ensure(Lease lease)
    {
        if (ReadHolder(lease.Key) != lease.Holder)
            throw new LeaseLostException(lease.Key);
    }

    private Digest? ReadDigest(string name)
    {
        if (Read(name) is not { } bytes)
            return null;
        if (Digest.TryParse(Encoding.ASCII.GetString(bytes), out var digest))
            return digest;
        // Not of this program's writing, and in the way of the true one.
        File.Delete(files.PathOf(name));
        return null;
    }

    private Holder? ReadHolder(StepKey key)
    {
        try
        {
            return Read(LeaseOf(key)) is { } bytes && JsonSerializer.Deserialize<Holder>(bytes) is { Process: { Length: > 0 } process, Attempt.Length: > 0 } holder
                && process.All(char.IsAsciiHexDigitLower) ? holder : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private byte[]? Read(string name)
    {
        var path = files.PathOf(name);
        try
        {
            // Asked first, because most are not there and an exception takes longer than all the rest.
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// Keeps other threads and processes out of the few statements between looking at a lease and changing it. Threads of this process wait in
    /// turn; only what other processes hold has to be tried again and again.
    /// </summary>
    private async Task<IDisposable> EnterAsync(CancellationToken ct)
    {
        await own.WaitAsync(ct);
        try
        {
            while (true)
            {
                try
                {
                    return new Gate(own, new FileStream(files.PathOf(".gate"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
                }
                catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(5), ct);
                }
            }
        }
        catch
        {
            own.Release();
            throw;
        }
    }

    private sealed class Gate(SemaphoreSlim own, FileStream others) : IDisposable
    {
        public void Dispose()
        {
            others.Dispose();
            own.Release();
        }
    }

    private sealed record Holder(string Process, string Attempt, string Owner);

    private sealed class Lease(FileStepLedger ledger, StepKey key, Holder holder) : IStepLease
    {
        public StepKey Key => key;

        public Holder Holder => holder;

        public async Task RenewAsync(CancellationToken ct = default)
        {
            using var gate = await ledger.EnterAsync(ct);
            ledger.Ensure(this);
            File.SetLastWriteTimeUtc(ledger.files.PathOf(LeaseOf(key)), DateTime.UtcNow);
        }

        public async Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default)
        {
            using (await ledger.EnterAsync(ct))
            {
                if (ledger.ReadDigest(ResultOf(key)) is { } winner)
                {
                    result = winner;
                }
                else
                {
                    ledger.Ensure(this);
                    await ledger.files.WriteAsync(ResultOf(key), Encoding.ASCII.GetBytes(result.ToString()));
                }
            }

            File.Delete(ledger.files.PathOf(CheckpointOf(key)));
            await DisposeAsync();
            return result;
        }

        public async ValueTask DisposeAsync()
        {
            using var gate = await ledger.EnterAsync(CancellationToken.None);
            if (ledger.ReadHolder(key) == holder)
                File.Delete(ledger.files.PathOf(LeaseOf(key)));
        }
    }
}
