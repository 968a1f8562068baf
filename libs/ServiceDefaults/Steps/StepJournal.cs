using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// What is done of every step, recorded beside the artifacts: a finished step's record is found by one name, an unfinished one's newest
/// checkpoint by another. Commit order: artifacts, record, name. Failures are never recorded: a step that failed is a step nobody has
/// done yet.
/// </summary>
public sealed class StepJournal(IArtifactStore artifacts, IArtifactNames names)
{
    private const int MaxRecordBytes = 16 << 20;

    /// <summary>
    /// The record of a step that is done and whose artifacts are all still there; else null, and the step is free to be done again.
    /// </summary>
    public async Task<StepRecord?> FindAsync(StepKey key, CancellationToken ct)
    {
        if (await FindRecordAsync(key, ct) is not { } digest)
            return null;
        if (await ReadAsync(digest, ct) is { } record)
            return record;
        await names.RemoveAsync(StepNames.ResultOf(key), digest, ct);
        return null;
    }

    /// <summary>The artifact that holds a step's record, readable or not; null where there is none.</summary>
    public Task<Digest?> FindRecordAsync(StepKey key, CancellationToken ct) => names.FindAsync(StepNames.ResultOf(key), ct);

    /// <summary>
    /// The artifact that holds a step's newest checkpoint; null where there is none. One is left at times of a step that is done.
    /// </summary>
    public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct) => names.FindAsync(StepNames.CheckpointOf(key), ct);

    /// <summary>Makes a step done. The first writer's record counts.</summary>
    /// <returns>The record that counts.</returns>
    internal async Task<StepRecord> CommitAsync(
        StepKey key, StepDefinition step, IMessage result, IEnumerable<Digest> made, TimeSpan duration)
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
        while (true)
        {
            var winner = await names.SetFirstAsync(StepNames.ResultOf(key), mine);
            if ((winner == mine ? record : await ReadAsync(winner, CancellationToken.None)) is { } counts)
            {
                await ForgetCheckpointAsync(key);
                return counts;
            }

            // What another has recorded is lost; this one is whole.
            await names.RemoveAsync(StepNames.ResultOf(key), winner);
        }
    }

    /// <summary>Makes a step done that no worker was asked for; does nothing where it is done already.</summary>
    internal async Task RecordAsync(StepDefinition step, StepKey key, IMessage result, TimeSpan duration)
    {
        if (await FindAsync(key, CancellationToken.None) is null)
            await CommitAsync(key, step, result, [], duration);
    }

    /// <summary>A step's checkpoints.</summary>
    internal ICheckpointStore CheckpointsOf(StepKey key) => new NamedCheckpointStore(artifacts, names, StepNames.CheckpointOf(key));

    /// <summary>A record's result.</summary>
    public static TResult Unpack<TResult>(StepRecord record)
        where TResult : class, IMessage<TResult>, new()
    {
        var result = new TResult();
        result.MergeFrom(record.Result);
        return result;
    }

    private async Task ForgetCheckpointAsync(StepKey key)
    {
        try
        {
            await names.RemoveAsync(StepNames.CheckpointOf(key));
        }
        catch (StoreUnavailableException)
        {
            // The result counts all the same, and a collection takes what is left.
        }
    }

    private async Task<StepRecord?> ReadAsync(Digest digest, CancellationToken ct)
    {
        try
        {
            var record = StepRecord.Parser.ParseFrom(await artifacts.ReadBytesAsync(digest, MaxRecordBytes, ct));
            if (record.Method.Length == 0 || record.Duration is null)
                return null; // another artifact, which was given the name by mistake
            foreach (var made in record.ArtifactDigests)
            {
                if (await artifacts.StatAsync(Digest.Parse(made), ct) is null)
                    return null;
            }

            return record;
        }
        catch (Exception e) when (
            e is ArtifactNotFoundException or DataLossException or InvalidDataException or InvalidProtocolBufferException
                or FormatException)
        {
            return null;
        }
    }
}
