using System.Collections.Concurrent;
using System.Text;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Fewshot.Trials.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>
/// Stage services without tensors: real gRPC services over the real step runner, whose answers are computed from the request by simple rules.
/// What the gateway makes of the answers can thus be checked by hand.
/// </summary>
internal sealed class FakeStages
{
    private readonly Dictionary<string, int> runs = [];
    private readonly ConcurrentDictionary<string, Edit[]> made = new();

    /// <summary>What every original is.</summary>
    public FakeNetwork Network { get; set; } = FakeNetwork.Toy;

    /// <summary>Three stages of blocks: the first of each cannot be dropped.</summary>
    public static IReadOnlyList<(string Name, int Stage, bool Droppable, long Macs, long Params)> Blocks { get; } =
    [
        ("layer1.0", 0, false, 100, 10), ("layer1.1", 0, true, 100, 10), ("layer1.2", 0, true, 100, 10), ("layer1.3", 0, true, 100, 10),
        ("layer2.0", 1, false, 80, 20), ("layer2.1", 1, true, 80, 20), ("layer2.2", 1, true, 80, 20),
        ("layer3.0", 2, false, 60, 40), ("layer3.1", 2, true, 60, 40),
    ];

    /// <summary>Recoverability: with tau the share of the MACs, the order of scores is layer3.1, layer1.2, layer2.1, layer1.1, layer2.2, layer1.3.</summary>
    public static IReadOnlyDictionary<string, double> Values { get; } = new Dictionary<string, double>(StringComparer.Ordinal)
    {
        ["layer1.1"] = 0.4, ["layer1.2"] = 0.2, ["layer1.3"] = 0.9, ["layer2.1"] = 0.24, ["layer2.2"] = 0.48, ["layer3.1"] = 0.06,
    };

    /// <summary>What compression trials find: the order is blocks.2, blocks.3, blocks.1, blocks.4; of whole blocks as <see cref="Values"/> has it.</summary>
    public Dictionary<string, double> Metrics { get; } = new(Values, StringComparer.Ordinal)
    {
        ["blocks.0"] = 0.9, ["blocks.1"] = 0.3, ["blocks.2"] = 0.1, ["blocks.3"] = 0.2, ["blocks.4"] = 0.4, ["blocks.5"] = 0.9,
    };

    /// <summary>Called when a step's work begins, with the stage's name; throws or blocks as a test likes.</summary>
    public Action<string, StepContext> OnRun { get; set; } = (_, _) => { };

    /// <summary>From now on the steps of a stage, or of all, wait until they are stopped.</summary>
    /// <returns>Ends when the first one has begun.</returns>
    public async Task HoldAsync(string? held = null)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        OnRun = (stage, context) =>
        {
            if (held is not null && stage != held)
                return;
            entered.TrySetResult();
            context.Stop.WaitHandle.WaitOne();
        };
        await entered.Task.WaitAsync(TimeSpan.FromMinutes(1));
    }

    /// <summary>Called before a stage verb is served.</summary>
    public Action<string> OnCall { get; set; } = _ => { };

    /// <summary>What this worker measures on.</summary>
    public string Fingerprint { get; set; } = new('f', 64);

    public int RunsOf(string stage)
    {
        lock (runs)
            return runs.GetValueOrDefault(stage);
    }

    /// <summary>All changes of a network against its original.</summary>
    public IEnumerable<Edit> EditsOf(string digest, IEnumerable<Edit> further) => [.. made.GetValueOrDefault(digest, []), .. further];

    /// <summary>Stores a network: what it was made of.</summary>
    public string Make(StepContext step, IMessage content, IEnumerable<Edit> edits)
    {
        var digest = step.Store(stream => stream.Write(content.ToByteArray())).ToString();
        made[digest] = [.. edits];
        return digest;
    }

    public TResult Run<TResult>(string stage, StepContext context, Func<TResult> compute)
    {
        lock (runs)
            runs[stage] = RunsOf(stage) + 1;
        OnRun(stage, context);
        context.Stop.ThrowIfCancellationRequested();
        context.Progress.Report(new Artifacts.StepProgress(stage, 1, 1));
        return compute();
    }

    internal sealed class Profiler(FakeStages stages, StepRunner steps, FewshotOptions options) : LatencyProfilerService.LatencyProfilerServiceBase
    {
        public override Task<DescribeNetworkResponse> DescribeNetwork(DescribeNetworkRequest request, ServerCallContext context)
        {
            stages.OnCall("describe");
            return Task.FromResult(new DescribeNetworkResponse { Description = stages.Network.Describe(stages.EditsOf(request.Network.Digest, request.Network.Edits)) });
        }

        public override Task<DescribeDeviceResponse> DescribeDevice(DescribeDeviceRequest request, ServerCallContext context) =>
            Task.FromResult(new DescribeDeviceResponse { Device = Device() });

        public override Task Profile(ProfileRequest request, IServerStreamWriter<ProfileResponse> responseStream, ServerCallContext context)
        {
            stages.OnCall("profile");
            return steps.ServeAsync(
                StageSteps.Profile, request, step => stages.Run("profile", step, () => Measure(request)),
                (info, progress, result) => progress is null ? new ProfileResponse { Step = info, Result = result } : new ProfileResponse { Step = info, Progress = progress },
                responseStream, options, context);
        }

        private ProfileResult Measure(ProfileRequest request)
        {
            if (request.DeviceFingerprint != stages.Fingerprint)
                throw new PreconditionException("device_fingerprint: this worker is another device.");
            var all = stages.Network.Describe([]).Macs;
            return new ProfileResult
            {
                Device = Device(),
                BatchSize = request.BatchSize,
                Original = new Measurement { Name = "original", MeanUs = all, P50Us = all, P95Us = all, StderrUs = 1, Runs = request.Runs },
                Candidates =
                {
                    request.Candidates.Select(c =>
                    {
                        var macs = stages.Network.Describe(c.Edits).Macs;
                        return new Measurement
                        {
                            Name = c.Name, Macs = macs, MeanUs = macs, P50Us = macs, P95Us = macs, StderrUs = 1, Runs = request.Runs,
                            Tau = (all - macs) / (double)all, TauStderr = 0.001,
                        };
                    }),
                },
            };
        }

        private DeviceDescription Device() => new() { Name = "toy device", Runtime = "none", Threads = 1, Dtype = "float32", Fingerprint = stages.Fingerprint };
    }

    internal sealed class Trials(FakeStages stages, StepRunner steps, FewshotOptions options) : BlockTrialService.BlockTrialServiceBase
    {
        public override Task RunTrials(RunTrialsRequest request, IServerStreamWriter<RunTrialsResponse> responseStream, ServerCallContext context)
        {
            stages.OnCall("trials");
            return steps.ServeAsync(
                StageSteps.RunTrials, request,
                step => stages.Run("trials", step, () => new RunTrialsResult
                {
                    Images = 5,
                    Outcomes = { request.Candidates.Select(name => new TrialOutcome { Block = name, Value = Values[name], DistanceBefore = 2 * Values[name] }) },
                }),
                (info, progress, result) => progress is null ? new RunTrialsResponse { Step = info, Result = result } : new RunTrialsResponse { Step = info, Progress = progress },
                responseStream, options, context);
        }

        /// <summary>A candidate's network is the request for it alone.</summary>
        public override Task TryCompressions(TryCompressionsRequest request, IServerStreamWriter<TryCompressionsResponse> responseStream, ServerCallContext context)
        {
            stages.OnCall("compressions");
            return steps.ServeAsync(
                StageSteps.TryCompressions, request,
                step => stages.Run("compressions", step, () => new TryCompressionsResult { Images = 5, Outcomes = { request.Candidates.Select(edit => Try(request, edit, step)) } }),
                (info, progress, result) => progress is null ? new TryCompressionsResponse { Step = info, Result = result } : new TryCompressionsResponse { Step = info, Progress = progress },
                responseStream, options, context);
        }

        private CompressionOutcome Try(TryCompressionsRequest request, Edit edit, StepContext step)
        {
            var alone = request.Clone();
            alone.Candidates.Clear();
            alone.Candidates.Add(edit);
            var block = edit.DropBlock?.Block ?? edit.CompressBlock.Block;
            return new CompressionOutcome { Block = block, Metric = stages.Metrics[block], FirstLoss = 4, LastLoss = 3, NetworkDigest = stages.Make(step, alone, [edit]) };
        }
    }

    internal sealed class Finetuner(FakeStages stages, StepRunner steps, FewshotOptions options) : FinetunerService.FinetunerServiceBase
    {
        public override Task Finetune(FinetuneRequest request, IServerStreamWriter<FinetuneResponse> responseStream, ServerCallContext context)
        {
            stages.OnCall("finetune");
            return steps.ServeAsync(
                StageSteps.Finetune, request,
                step => stages.Run("finetune", step, () => new FinetuneResult
                {
                    NetworkDigest = stages.Make(step, request, stages.EditsOf(request.StartDigest, request.Edits)),
                    FirstLoss = 2, LastLoss = 1, Images = 5, RenamedBlocks = { ["layer1.3"] = "layer1.2" },
                }),
                (info, progress, result) => progress is null ? new FinetuneResponse { Step = info, Result = result } : new FinetuneResponse { Step = info, Progress = progress },
                responseStream, options, context);
        }

        public override Task Evaluate(EvaluateRequest request, IServerStreamWriter<EvaluateResponse> responseStream, ServerCallContext context)
        {
            stages.OnCall("evaluate");
            return steps.ServeAsync(
                StageSteps.Evaluate, request,
                step => stages.Run("evaluate", step, () => new EvaluateResult
                {
                    Top1 = 0.9 - (0.1 * request.Network.Edits.Count) - (0.01 * stages.EditsOf(request.Network.Digest, []).Count()), Top5 = 1, Images = 20,
                }),
                (info, progress, result) => progress is null ? new EvaluateResponse { Step = info, Result = result } : new EvaluateResponse { Step = info, Progress = progress },
                responseStream, options, context);
        }

        public override Task Train(TrainRequest request, IServerStreamWriter<TrainResponse> responseStream, ServerCallContext context) => steps.ServeAsync(
            StageSteps.Train, request,
            step => stages.Run("train", step, () => new TrainResult { NetworkDigest = step.Store(stream => stream.Write(Encoding.ASCII.GetBytes("trained"))).ToString(), LastLoss = 1, Images = 5 }),
            (info, progress, result) => progress is null ? new TrainResponse { Step = info, Result = result } : new TrainResponse { Step = info, Progress = progress },
            responseStream, options, context);
    }
}
