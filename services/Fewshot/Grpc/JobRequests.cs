using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.Stages.V1;
using Fewshot.Trials.V1;

namespace Fewshot.Cli.Grpc;

/// <summary>Requests made of settings and the digests of what was uploaded.</summary>
internal static class JobRequests
{
    private const int WarmupRuns = 5;

    public static JobRequest Practise(
        PractiseSettings settings, string network, TrainingImages images, string? evaluation, string? latencyProfile, ulong seed, ComputeChoice compute)
    {
        var practise = new PractiseSpec
        {
            Criterion = CriterionOf(settings.Criterion),
            Tau = latencyProfile is not null ? TauSource.Profile : settings.Tau == "macs" ? TauSource.Macs : TauSource.Measured,
            LatencyProfileDigest = latencyProfile ?? "",
            TrialIterations = settings.TrialIterations,
            TrialLearningRate = settings.TrialLearningRate,
            TrialRidgeStart = settings.RidgeStart,
            Finetune = OptimizerOf(settings.Finetune),
            BatchSize = settings.Finetune.BatchSize,
            FeaturePoint = FeatureOf(settings.Feature),
            LatencyBatchSize = settings.LatencyBatch,
            LatencyRuns = settings.LatencyRuns,
        };
        switch (settings.Target)
        {
            case { Count: { } count }: practise.DropCount = count; break;
            case { LatencyReduction: { } reduction }: practise.LatencyReduction = reduction; break;
            case { MacsReduction: { } reduction }: practise.MacsReduction = reduction; break;
            case { ParamsReduction: { } reduction }: practise.ParamsReduction = reduction; break;
            case { Blocks: { } blocks }: practise.Blocks = new BlockNames { Names = { blocks } }; break;
        }

        return new JobRequest(new CompressionSpec
        {
            NetworkDigest = network,
            EvaluationSetDigest = evaluation ?? "",
            Seed = seed,
            Compute = ComputeOf(compute),
            Practise = practise,
        }.On(images));
    }

    public static JobRequest Profile(string network, IEnumerable<string> blocks, int batchSize, int runs, ComputeChoice compute)
    {
        var request = new ProfileRequest
        {
            NetworkDigest = network, BatchSize = batchSize, Runs = runs, WarmupRuns = WarmupRuns, Compute = ComputeOf(compute),
        };
        request.Candidates.AddRange(blocks.Select(block => new Candidate { Name = block, Edits = { Drop(block) } }));
        return new JobRequest(new StartStageRequest { Profile = request });
    }

    public static JobRequest Trials(string network, string images, IEnumerable<string> blocks, TrialChoice trial, ulong seed, ComputeChoice compute)
    {
        var request = new RunTrialsRequest
        {
            NetworkDigest = network,
            ImageSetDigest = images,
            Criterion = CriterionOf(trial.Criterion),
            Seed = seed,
            Iterations = trial.Optimizer.Iterations,
            BatchSize = trial.Optimizer.BatchSize,
            LearningRate = trial.Optimizer.LearningRate,
            Momentum = Explicit(trial.Optimizer.Momentum),
            WeightDecay = Explicit(trial.Optimizer.WeightDecay),
            FeaturePoint = FeatureOf(trial.Feature),
            Compute = ComputeOf(compute),
        };
        request.Candidates.AddRange(blocks);
        return new JobRequest(new StartStageRequest { Trials = request });
    }

    public static JobRequest Finetune(string teacher, IEnumerable<string> blocks, string images, OptimizerChoice optimizer, string feature, ulong seed, ComputeChoice compute)
    {
        var request = new FinetuneRequest
        {
            TeacherDigest = teacher,
            ImageSetDigest = images,
            Seed = seed,
            Optimizer = OptimizerOf(optimizer),
            FeaturePoint = FeatureOf(feature),
            Compute = ComputeOf(compute),
        };
        request.Edits.AddRange(blocks.Select(Drop));
        return new JobRequest(new StartStageRequest { Finetune = request });
    }

    public static JobRequest Evaluate(string network, string images, int batchSize, ComputeChoice compute) => new(new StartStageRequest
    {
        Evaluate = new EvaluateRequest { Network = new Network { Digest = network }, ImageSetDigest = images, BatchSize = batchSize, Compute = ComputeOf(compute) },
    });

    public static JobRequest Train(string network, string images, OptimizerChoice optimizer, bool adamW, ulong seed, ComputeChoice compute)
    {
        var settings = OptimizerOf(optimizer);
        settings.Kind = adamW ? OptimizerKind.Adamw : OptimizerKind.Unspecified;
        return new JobRequest(new StartStageRequest
        {
            Train = new TrainRequest { Network = new Network { Digest = network }, ImageSetDigest = images, Seed = seed, Optimizer = settings, Compute = ComputeOf(compute) },
        });
    }

    private static Edit Drop(string block) => new() { DropBlock = new DropBlock { Block = block } };

    private static OptimizerSettings OptimizerOf(OptimizerChoice choice) => new()
    {
        Iterations = choice.Iterations,
        BatchSize = choice.BatchSize,
        LearningRate = choice.LearningRate,
        Momentum = Explicit(choice.Momentum),
        WeightDecay = Explicit(choice.WeightDecay),
    };

    /// <summary>In the contract 0 means the default; the smallest number above it has the effect of none.</summary>
    internal static double Explicit(double value) => value == 0 ? double.Epsilon : value;

    internal static ComputeOptions ComputeOf(ComputeChoice choice) => new()
    {
        Device = choice.Cuda ? Device.Cuda : Device.Cpu,
        MixedPrecision = choice.MixedPrecision,
        Tf32 = choice.Tf32,
        Threads = choice.Threads,
    };

    private static FeaturePoint FeatureOf(string word) => word == "post_gap" ? FeaturePoint.PostGap : FeaturePoint.PreGap;

    private static Criterion CriterionOf(string word) => word switch
    {
        "curl" => Criterion.Curl,
        "l2" => Criterion.L2,
        "eps-resnet" => Criterion.EpsResnet,
        "first" => Criterion.First,
        "random" => Criterion.Random,
        _ => Criterion.Practise,
    };
}
