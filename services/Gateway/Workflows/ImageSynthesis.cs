using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// A set of images out of a network (methods.md, section 4), as part of any job. A batch is one step of one worker, so the images do not depend on
/// how many workers there are.
/// </summary>
public sealed class ImageSynthesis(StageClients stages)
{
    /// <summary>Makes the images, joins them and draws the preview.</summary>
    /// <param name="run">The job.</param>
    /// <param name="name">Of the steps within the job, such as <c>synthesize/train</c>; the batch's number is appended.</param>
    /// <param name="network">Digest of the network.</param>
    /// <param name="plan">How many, and how.</param>
    /// <param name="seed">Image i is a function of it, the plan and the network: two sets of one job that shall differ need two seeds.</param>
    /// <param name="compute">Images are synthesised in float32, whatever the precision of the other stages.</param>
    public async Task<SynthesisFacts> RunAsync(JobRun run, string name, string network, SynthesisPlan plan, ulong seed, ComputeChoice compute)
    {
        var batches = plan.Batches().ToArray();
        var progress = new CombinedProgress(name, [.. batches.Select(_ => (long)plan.Iterations)]);
        var shards = await SideBySide.RunAsync(
            batches.Index(),
            async (batch, stop) =>
            {
                var (index, (first, count)) = batch;
                var shard = await stages.SynthesizeAsync(
                    run, $"{name}/{index}", network, plan with { Images = count }, first, seed, compute,
                    note => run.Progress(progress.Report(index, note.Completed, note.Total, note.MetricName, note.Metric)), stop);
                run.Progress(progress.Report(index, 1, 1, "", 0, found: shard.Cached));
                return shard;
            },
            run.Stop);
        var (images, preview) = await stages.JoinSetsAsync(shards.Select(shard => shard.Value.ImageSetDigest), run.Stop);
        return new SynthesisFacts(
            images,
            preview,
            plan.Images,
            shards.Sum(shard => shard.Value.TeacherTop1 * shard.Value.Images) / plan.Images,
            shards.Sum(shard => shard.Seconds),
            shards[0].Value.Method,
            shards);
    }
}
