using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;
using Google.Protobuf;

namespace Fewshot.Gateway.Grpc;

/// <summary>The artifacts that a job needs: its specification, what that names, what its steps made, and its results.</summary>
public sealed class JobReferences(JobStore jobs, StepJournal journal, IArtifactStore artifacts)
{
    /// <summary>Adds them to a set.</summary>
    public async Task AddAsync(JobRecord job, HashSet<Digest> needed, CancellationToken ct)
    {
        var result = job.Result;
        IEnumerable<string?> direct =
        [
            job.Spec, result?.Model, result?.Report, result?.Profile, result?.ImageSet, result?.Preview, .. (result?.Models ?? []).Select(model => model.Model),
            .. await InputsAsync(job, ct),
        ];
        foreach (var text in direct)
            Add(text);
        foreach (var key in await StepsAsync(job.Id, ct))
        {
            if (await journal.FindAsync(key, ct) is { } record)
            {
                foreach (var made in record.ArtifactDigests)
                    Add(made);
                if (await journal.FindRecordAsync(key, ct) is { } recorded)
                    needed.Add(recorded);
            }
            else if (await journal.FindCheckpointAsync(key, ct) is { } checkpoint)
            {
                needed.Add(checkpoint);
            }
        }

        void Add(string? text)
        {
            if (Digest.TryParse(text, out var digest))
                needed.Add(digest);
        }
    }

    private async Task<IEnumerable<string?>> InputsAsync(JobRecord job, CancellationToken ct)
    {
        try
        {
            var spec = await artifacts.ReadBytesAsync(Digest.Parse(job.Spec), ct: ct);
            IMessage request = JobWorkflows.IsMethod(job.Kind) ? CompressionSpec.Parser.ParseFrom(spec) : StartStageRequest.Parser.ParseFrom(spec);
            return RequestDigests.Of(request).Select(input => input.Digest);
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or InvalidDataException or InvalidProtocolBufferException)
        {
            // A job whose specification is gone cannot run any more.
            return [];
        }
    }

    /// <summary>The steps that have begun so far.</summary>
    private async Task<HashSet<StepKey>> StepsAsync(string id, CancellationToken ct)
    {
        var keys = new HashSet<StepKey>();
        await foreach (var e in jobs.FollowAsync(id, fromSequence: 0, silence: TimeSpan.Zero, ct))
        {
            if (e is null)
                break;
            if (e.Step is { } step)
                keys.Add(StepKey.Parse(step.Key));
        }

        return keys;
    }
}
