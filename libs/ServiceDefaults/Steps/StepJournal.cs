using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Fewshot.ServiceDefaults;

/// <summary>Finished steps: a record in the artifact store, found through the ledger. Commit order: artifacts, record, ledger.</summary>
public sealed class StepJournal(IArtifactStore artifacts, IStepLedger ledger)
{
    private const int MaxRecordBytes = 16 << 20;

    /// <summary>The record of a step that is done and whose artifacts are all still there; else null, and the ledger forgets it.</summary>
    public async Task<StepRecord?> FindAsync(StepKey key, CancellationToken ct)
    {
        if (await ledger.FindResultAsync(key, ct) is not { } digest)
            return null;
        if (await ReadAsync(digest, ct) is { } record)
            return record;
        await ledger.ForgetResultAsync(key, digest, ct);
        return null;
    }

    /// <summary>Makes a step done. The first writer's record counts.</summary>
    internal async Task<StepRecord> CommitAsync(IStepLease lease, StepDefinition step, IMessage result, IEnumerable<Digest> made, TimeSpan duration)
    {
        var record = new StepRecord
        {
            Method = step.Method,
            SchemaVersion = step.SchemaVersion,
            Result = result.ToByteString(),
            ArtifactDigests = { made.Select(digest => digest.ToString()) },
            Duration = Duration.FromTimeSpan(duration),
        };
        var mine = await artifacts.PutBytesAsync(record.ToByteArray());
        var winner = await lease.CompleteAsync(mine);
        return winner == mine ? record : await ReadAsync(winner, CancellationToken.None) ?? record;
    }

    internal async Task RecordIfFreeAsync(StepDefinition step, StepKey key, IMessage result, TimeSpan duration)
    {
        if (await ledger.TryAcquireAsync(key, Environment.MachineName) is not { } lease)
            return;
        await using (lease)
            await CommitAsync(lease, step, result, [], duration);
    }

    /// <summary>A record's result.</summary>
    public static TResult Unpack<TResult>(StepRecord record)
        where TResult : class, IMessage<TResult>, new()
    {
        var result = new TResult();
        result.MergeFrom(record.Result);
        return result;
    }

    private async Task<StepRecord?> ReadAsync(Digest digest, CancellationToken ct)
    {
        try
        {
            var record = StepRecord.Parser.ParseFrom(await artifacts.ReadBytesAsync(digest, MaxRecordBytes, ct));
            if (record.Method.Length == 0 || record.Duration is null)
                return null; // another artifact, which the ledger named by mistake
            foreach (var made in record.ArtifactDigests)
            {
                if (await artifacts.StatAsync(Digest.Parse(made), ct) is null)
                    return null;
            }

            return record;
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or InvalidProtocolBufferException or FormatException)
        {
            return null;
        }
    }
}
