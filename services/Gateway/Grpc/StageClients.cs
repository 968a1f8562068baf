using Fewshot.Finetuning.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;
using Google.Protobuf;

namespace Fewshot.Gateway.Grpc;

/// <summary>The stages in the gateway's own terms.</summary>
public sealed partial class StageClients
{
    private readonly StageWorkers workers;
    private readonly StageCaller caller;
    private readonly GatewayOptions options;
    private readonly CancellationToken stopping;
    private readonly KnownNetworks networks = new();

    internal StageClients(StageWorkers workers, StageCaller caller, GatewayOptions options, CancellationToken stopping) =>
        (this.workers, this.caller, this.options, this.stopping) = (workers, caller, options, stopping);

    /// <summary>How many groups of trials can run at a time.</summary>
    public int TrialSlots => Math.Max(workers.Trials.Count, options.TrialGroups);

    /// <summary>A network's blocks and costs.</summary>
    public Task<NetworkFacts> DescribeNetworkAsync(string digest, CancellationToken ct, MacsConvention convention = MacsConvention.Standard, bool patient = true)
    {
        var request = new DescribeNetworkRequest { Network = StageTranslation.Network(digest, []), MacsConvention = (Networks.V1.MacsConvention)((int)convention + 1) };
        return networks.FindAsync(
            new(digest, convention, patient),
            async () => (await caller.AskAsync(
                workers.Profilers, (to, options) => new LatencyProfilerService.LatencyProfilerServiceClient(to).DescribeNetworkAsync(request, options), stopping, patient)).Description.ToFacts(),
            ct);
    }

    /// <summary>What latencies are measured on.</summary>
    public async Task<DeviceFacts> DescribeDeviceAsync(ComputeChoice compute, CancellationToken stop) =>
        (await DescribeDeviceAsync(compute.ToProto(), stop)).ToFacts();

    /// <summary>Measures candidates against the original.</summary>
    public async Task<(StepResult<ProfileFacts> Facts, string Json)> ProfileAsync(
        JobRun run, string name, CompressionPlan plan, DeviceFacts device, IEnumerable<LatencyCandidate> candidates)
    {
        var request = new ProfileRequest
        {
            NetworkDigest = plan.Network,
            Candidates = { candidates.Select(c => new Candidate { Name = c.Name, Edits = { c.Edits.Select(StageTranslation.ToProto) } }) },
            BatchSize = plan.LatencyBatch,
            Runs = plan.LatencyRuns,
            WarmupRuns = Math.Clamp(plan.LatencyRuns / 5, 2, 10),
            DeviceFingerprint = device.Fingerprint,
            Compute = plan.Compute.ToProto(),
        };
        var step = await ProfileAsync(run, name, request);
        return (step.Select(result => result.ToFacts()), step.Value.ToReportJson());
    }

    /// <summary>Tries a group of candidates.</summary>
    public async Task<StepResult<(IReadOnlyList<TrialFacts> Trials, int Images)>> RunTrialsAsync(
        JobRun run, string name, PractisePlan plan, IEnumerable<string> candidates, Action<ProgressNote> progress, CancellationToken stop)
    {
        var request = new RunTrialsRequest
        {
            NetworkDigest = plan.Network,
            ImageSetDigest = plan.TrainingSet,
            Candidates = { candidates },
            Criterion = (Trials.V1.Criterion)((int)plan.Criterion + 1),
            Seed = plan.Seed,
            Iterations = plan.Trial.Iterations,
            BatchSize = plan.Trial.BatchSize,
            LearningRate = plan.Trial.LearningRate,
            Momentum = plan.Trial.Momentum,
            WeightDecay = plan.Trial.WeightDecay,
            RidgeStart = plan.RidgeStart,
            FeaturePoint = plan.FeaturePoint.ToProto(),
            Compute = plan.Compute.ToProto(),
        };
        var step = await RunTrialsAsync(run, name, request, progress, stop);
        return step.Select(result =>
            ((IReadOnlyList<TrialFacts>)[.. result.Outcomes.Select(o => new TrialFacts(o.Block, o.Value, o.DistanceBefore))], result.Images));
    }

    /// <summary>Finetunes the original without these blocks.</summary>
    public async Task<StepResult<FinetuneFacts>> FinetuneAsync(JobRun run, string name, PractisePlan plan, IEnumerable<BlockEdit> edits)
    {
        var request = new FinetuneRequest
        {
            TeacherDigest = plan.Network,
            Edits = { edits.Select(StageTranslation.ToProto) },
            ImageSetDigest = plan.TrainingSet,
            Seed = plan.Seed,
            Optimizer = plan.Finetune.ToProto(),
            FeaturePoint = plan.FeaturePoint.ToProto(),
            Compute = plan.Compute.ToProto(),
        };
        return (await FinetuneAsync(run, name, request, run.Progress, run.Stop)).Select(ToFacts);
    }

    /// <summary>Accuracy of a network with these changes.</summary>
    public async Task<StepResult<AccuracyFacts>> EvaluateAsync(
        JobRun run, string name, string network, IEnumerable<BlockEdit> edits, string images, ComputeChoice compute, CancellationToken? stop = null)
    {
        var request = new EvaluateRequest
        {
            Network = StageTranslation.Network(network, edits),
            ImageSetDigest = images,
            BatchSize = 64,
            Compute = compute.ToProto(),
        };
        return (await EvaluateAsync(run, name, request, stop ?? run.Stop)).Select(r => new AccuracyFacts(r.Top1, r.Top5, r.Images, r.SkippedImages, r.Loss));
    }

    internal async Task<DeviceDescription> DescribeDeviceAsync(Stages.V1.ComputeOptions? compute, CancellationToken stop) =>
        (await caller.AskAsync(
            workers.Profilers,
            (to, options) => new LatencyProfilerService.LatencyProfilerServiceClient(to).DescribeDeviceAsync(new DescribeDeviceRequest { Compute = compute }, options),
            stop)).Device;

    internal Task<StepResult<ProfileResult>> ProfileAsync(JobRun run, string name, ProfileRequest request) => caller.RunAsync<ProfileResponse, ProfileResult>(
        workers.Profilers, StageSteps.Profile, request, name, run, (to, options) => new LatencyProfilerService.LatencyProfilerServiceClient(to).Profile(request, options),
        message => new(message.Step, message.Progress, message.Result), progress => run.Progress(progress.ToNote()), run.Stop);

    internal Task<StepResult<RunTrialsResult>> RunTrialsAsync(JobRun run, string name, RunTrialsRequest request, Action<ProgressNote> progress, CancellationToken stop) =>
        caller.RunAsync<RunTrialsResponse, RunTrialsResult>(
            workers.Trials, StageSteps.RunTrials, request, name, run, (to, options) => new BlockTrialService.BlockTrialServiceClient(to).RunTrials(request, options),
            message => new(message.Step, message.Progress, message.Result), made => progress(made.ToNote()), stop);

    internal Task<StepResult<FinetuneResult>> FinetuneAsync(JobRun run, string name, FinetuneRequest request, Action<ProgressNote> progress, CancellationToken stop) =>
        caller.RunAsync<FinetuneResponse, FinetuneResult>(
            workers.Finetuners, StageSteps.Finetune, request, name, run, (to, options) => new FinetunerService.FinetunerServiceClient(to).Finetune(request, options),
            message => new(message.Step, message.Progress, message.Result), made => progress(made.ToNote()), stop);

    internal Task<StepResult<EvaluateResult>> EvaluateAsync(JobRun run, string name, EvaluateRequest request, CancellationToken stop) => caller.RunAsync<EvaluateResponse, EvaluateResult>(
        workers.Finetuners, StageSteps.Evaluate, request, name, run, (to, options) => new FinetunerService.FinetunerServiceClient(to).Evaluate(request, options),
        message => new(message.Step, message.Progress, message.Result), progress => run.Progress(progress.ToNote()), stop);

    internal Task<StepResult<TrainResult>> TrainAsync(JobRun run, string name, TrainRequest request) => caller.RunAsync<TrainResponse, TrainResult>(
        workers.Finetuners, StageSteps.Train, request, name, run, (to, options) => new FinetunerService.FinetunerServiceClient(to).Train(request, options),
        message => new(message.Step, message.Progress, message.Result), progress => run.Progress(progress.ToNote()), run.Stop);

    private static FinetuneFacts ToFacts(FinetuneResult result) => new(
        result.NetworkDigest, result.FirstLoss, result.LastLoss, result.Images, new SortedDictionary<string, string>(result.RenamedBlocks, StringComparer.Ordinal));
}
