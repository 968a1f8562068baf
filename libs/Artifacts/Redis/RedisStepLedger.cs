using System.Diagnostics.CodeAnalysis;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>
/// The ledger as one hash a step in Redis. Time is the server's. A lease is fenced twice: by an epoch that counts the step's leases, and by an
/// attempt id, because a failover can roll the epoch back. After a restart of the server nothing expires for one lease, so that holders that
/// could not renew meanwhile keep what is theirs.
/// </summary>
[SuppressMessage("Reliability", "CA2000", Justification = "Leases belong to whoever acquires them.")]
public sealed class RedisStepLedger(RedisServer server, TimeSpan? leaseDuration = null) : IStepLedger
{
    private static readonly RedisKey ServerKey = RedisServer.Prefix + "server";
    private readonly long leaseMilliseconds = (long)(leaseDuration ?? TimeSpan.FromSeconds(30)).TotalMilliseconds;

    /// <inheritdoc/>
    public Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default) => FindAsync(key, "result", ct);

    /// <inheritdoc/>
    public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default) => FindAsync(key, "checkpoint", ct);

    /// <inheritdoc/>
    public async Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default)
    {
        // Chosen before the first try: a try that succeeded unheard is known by it.
        var attempt = Guid.NewGuid().ToString("n");
        var epoch = (long)await server.EvaluateAsync(LedgerScripts.Acquire, [KeyOf(key), ServerKey], [attempt, leaseMilliseconds, owner], ct: ct);
        return epoch == 0 ? null : new RedisStepLease(server, key, new RedisFence(KeyOf(key), attempt, epoch), leaseMilliseconds);
    }

    /// <inheritdoc/>
    public Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default) => lease is RedisStepLease own
        ? own.WriteAsync(LedgerScripts.SetCheckpoint, checkpoint.ToString(), ct)
        : throw new ArgumentException("The lease is not one of this ledger's.", nameof(lease));

    /// <inheritdoc/>
    public Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default) =>
        server.EvaluateAsync(LedgerScripts.Forget, [KeyOf(key)], [lost.ToString()], ct: ct);

    private static RedisKey KeyOf(StepKey key) => RedisServer.Prefix + "step:" + key.Hex;

    private async Task<Digest?> FindAsync(StepKey key, string field, CancellationToken ct)
    {
        var value = await server.RunAsync(database => database.HashGetAsync(KeyOf(key), field), ct: ct);
        return Digest.TryParse(value, out var digest) ? digest : null;
    }
}

/// <summary>What a write under a lease must show: the lease's hash, its attempt id and its epoch.</summary>
/// <param name="Key">The step's hash in Redis.</param>
/// <param name="Attempt">Drawn for this lease alone.</param>
/// <param name="Epoch">Which lease of the step it is, from 1.</param>
public sealed record RedisFence(RedisKey Key, string Attempt, long Epoch);

/// <summary>A lease in Redis.</summary>
public sealed class RedisStepLease : IStepLease
{
    private readonly RedisServer server;
    private readonly long milliseconds;
    private bool ended;

    internal RedisStepLease(RedisServer server, StepKey key, RedisFence fence, long milliseconds) =>
        (this.server, Key, Fence, this.milliseconds) = (server, key, fence, milliseconds);

    /// <inheritdoc/>
    public StepKey Key { get; }

    /// <summary>What other writes under this lease show.</summary>
    public RedisFence Fence { get; }

    /// <inheritdoc/>
    public Task RenewAsync(CancellationToken ct = default) => WriteAsync(LedgerScripts.Renew, RedisValue.EmptyString, ct);

    /// <inheritdoc/>
    public async Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default)
    {
        var winner = Digest.Parse(await WriteAsync(LedgerScripts.Complete, result.ToString(), ct));
        ended = true;
        return winner;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (ended)
            return;
        ended = true;
        try
        {
            await server.EvaluateAsync(LedgerScripts.Release, [Fence.Key], [Fence.Attempt, Fence.Epoch], once: true);
        }
        catch (StoreUnavailableException)
        {
            // What cannot be given back expires.
        }
    }

    /// <exception cref="LeaseLostException">The script answered nothing: the lease is another's.</exception>
    internal async Task<string> WriteAsync(string script, RedisValue value, CancellationToken ct) =>
        (string?)await server.EvaluateAsync(script, [Fence.Key], [Fence.Attempt, Fence.Epoch, milliseconds, value], ct: ct) ?? throw new LeaseLostException(Key);
}
