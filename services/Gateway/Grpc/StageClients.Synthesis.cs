using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Fewshot.Synthesis.V1;

namespace Fewshot.Gateway.Grpc;

/// <summary>The image synthesizers.</summary>
public sealed partial class StageClients
{
    /// <summary>Makes a run of consecutive images of a set.</summary>
    public async Task<StepResult<SynthesisShard>> SynthesizeAsync(
        JobRun run, string name, string network, SynthesisPlan plan, int firstImage, ulong seed, ComputeChoice compute, Action<ProgressNote> progress, CancellationToken stop)
    {
        var request = new SynthesizeRequest
        {
            NetworkDigest = network,
            Images = plan.Images,
            FirstImage = firstImage,
            Seed = seed,
            Iterations = plan.Iterations,
            BatchSize = plan.BatchSize,
            Method = (Synthesis.V1.SynthesisMethod)(int)plan.Method,
            Compute = (compute with { MixedPrecision = false }).ToProto(),
        };
        var step = await caller.RunAsync<SynthesizeResponse, SynthesizeResult>(
            workers.Synthesizers, StageSteps.Synthesize, request, name, run,
            (to, options) => new ImageSynthesizerService.ImageSynthesizerServiceClient(to).Synthesize(request, options),
            message => new(message.Step, message.Progress, message.Result), made => progress(made.ToNote()), stop);
        return step.Select(made => new SynthesisShard(made.ImageSetDigest, made.Images, made.TeacherTop1, (Workflows.SynthesisMethod)(int)made.Method));
    }

    /// <summary>Joins sets in their order, and draws them.</summary>
    public async Task<(string ImageSet, string Preview)> JoinSetsAsync(IEnumerable<string> sets, CancellationToken stop)
    {
        var request = new JoinSetsRequest { ImageSetDigests = { sets } };
        var joined = await caller.AskAsync(
            workers.Synthesizers, (to, options) => new ImageSynthesizerService.ImageSynthesizerServiceClient(to).JoinSetsAsync(request, options), stop);
        return (joined.ImageSetDigest, joined.PreviewDigest);
    }
}
