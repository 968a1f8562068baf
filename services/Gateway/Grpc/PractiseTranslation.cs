using Fewshot.Compression.V1;
using Fewshot.Gateway.Workflows;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Google.Protobuf;
using P = Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Grpc;

/// <summary>Checks a specification field by field and fills in the method's defaults.</summary>
internal static class PractiseTranslation
{
    private const int MostIterations = 10_000_000, LargestBatch = 65_536, MostRuns = 100_000, MostThreads = 4096;

    public static PractisePlan ToPlan(CompressionSpec spec)
    {
        var practise = spec.Practise;
        var batch = Fields.Whole(practise.BatchSize, "spec.practise.batch_size", 1, LargestBatch, defaultValue: 64);
        var tau = TauOf(practise);
        return new PractisePlan
        {
            Network = Fields.Digest(spec.NetworkDigest, "spec.network_digest").ToString(),
            Images = CompressionTranslation.ImagesOf(spec).Uploaded,
            SyntheticImages = CompressionTranslation.ImagesOf(spec).Synthetic,
            Evaluation = spec.EvaluationSetDigest.Length == 0 ? null : Fields.Digest(spec.EvaluationSetDigest, "spec.evaluation_set_digest").ToString(),
            Seed = spec.Seed,
            Compute = ToChoice(spec.Compute, "spec.compute"),
            Target = TargetOf(practise, tau),
            Criterion = (P.Criterion)Math.Max(0, (int)Fields.Known(practise.Criterion, "spec.practise.criterion") - 1),
            Tau = tau,
            LatencyProfile = tau == P.TauSource.Profile
                ? Fields.Digest(practise.LatencyProfileDigest, "spec.practise.latency_profile_digest").ToString()
                : null,
            Trial = new OptimizerChoice(
                Fields.Whole(practise.TrialIterations, "spec.practise.trial_iterations", 1, MostIterations, defaultValue: 1000),
                batch,
                Fields.Number(practise.TrialLearningRate, "spec.practise.trial_learning_rate", 1e-12, 100, defaultValue: 0.02),
                Momentum: 0.9,
                WeightDecay: 1e-4),
            Finetune = ToChoice(practise.Finetune, "spec.practise.finetune", iterations: 2000, batch, learningRate: 0.02),
            FeaturePoint = FeatureOf(practise),
            RidgeStart = practise.TrialRidgeStart,
            LatencyBatch = Fields.Whole(practise.LatencyBatchSize, "spec.practise.latency_batch_size", 1, LargestBatch, defaultValue: 64),
            LatencyRuns = Fields.Whole(practise.LatencyRuns, "spec.practise.latency_runs", 1, MostRuns, defaultValue: 50),
        };
    }

    /// <summary>Reads a saved latency profile: a ProfileResult in JSON.</summary>
    /// <exception cref="InvalidFieldException">It is none.</exception>
    public static ProfileFacts ToProfile(byte[] json)
    {
        const string Field = "spec.practise.latency_profile_digest";
        try
        {
            var profile = new JsonParser(JsonParser.Settings.Default.WithIgnoreUnknownFields(true)).Parse<ProfileResult>(System.Text.Encoding.UTF8.GetString(json));
            if (profile.Device is null || profile.Original is null || profile.Candidates.Count == 0)
                throw new InvalidFieldException(Field, "is a profile without device, original or candidates.");
            if (profile.Candidates.FirstOrDefault(c => !double.IsFinite(c.Tau) || !(c.TauStderr >= 0)) is { } bad)
                throw new InvalidFieldException(Field, $"block '{LogText.Escape(bad.Name)}' of the profile has no finite tau.");
            if (profile.Candidates.DistinctBy(c => c.Name, StringComparer.Ordinal).Count() != profile.Candidates.Count)
                throw new InvalidFieldException(Field, "the profile measures a block twice.");
            return profile.ToFacts();
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new InvalidFieldException(Field, "is not a saved latency profile (ProfileResult in JSON).");
        }
    }

    /// <summary>Checks compute options.</summary>
    public static ComputeChoice ToChoice(ComputeOptions? compute, string field) => compute is null
        ? new ComputeChoice(Cuda: false, MixedPrecision: false, Tf32: false, Threads: 0)
        : new ComputeChoice(
            Fields.Known(compute.Device, field + ".device") == Device.Cuda,
            compute.MixedPrecision && compute.Device != Device.Cuda
                ? throw new InvalidFieldException(field + ".mixed_precision", "needs device DEVICE_CUDA.")
                : compute.MixedPrecision,
            compute.Tf32,
            Fields.Whole(compute.Threads, field + ".threads", 0, MostThreads));

    private static OptimizerChoice ToChoice(Finetuning.V1.OptimizerSettings? optimizer, string field, int iterations, int batch, double learningRate)
    {
        optimizer ??= new Finetuning.V1.OptimizerSettings();
        return new OptimizerChoice(
            Fields.Whole(optimizer.Iterations, field + ".iterations", 1, MostIterations, iterations),
            Fields.Whole(optimizer.BatchSize, field + ".batch_size", 1, LargestBatch, batch),
            Fields.Number(optimizer.LearningRate, field + ".learning_rate", 1e-12, 100, learningRate),
            Fields.Number(optimizer.Momentum, field + ".momentum", 0, 0.9999, defaultValue: 0.9),
            Fields.Number(optimizer.WeightDecay, field + ".weight_decay", 0, 1, defaultValue: 1e-4));
    }

    private static P.FeaturePoint FeatureOf(PractiseSpec practise) => Fields.Known(practise.FeaturePoint, "spec.practise.feature_point") switch
    {
        Trials.V1.FeaturePoint.LastTrained => throw new InvalidFieldException("spec.practise.feature_point", "must be FEATURE_POINT_PRE_GAP or FEATURE_POINT_POST_GAP: every block trains."),
        Trials.V1.FeaturePoint.PostGap => P.FeaturePoint.PostGap,
        _ => P.FeaturePoint.PreGap,
    };

    private static P.TauSource TauOf(PractiseSpec practise) => Fields.Known(practise.Tau, "spec.practise.tau") switch
    {
        Compression.V1.TauSource.Profile => P.TauSource.Profile,
        Compression.V1.TauSource.Macs => P.TauSource.Macs,
        _ => P.TauSource.Measured,
    };

    private static DropTarget TargetOf(PractiseSpec practise, P.TauSource tau) => practise.TargetCase switch
    {
        PractiseSpec.TargetOneofCase.DropCount =>
            new DropTarget.Count(practise.DropCount >= 1 ? practise.DropCount : throw new InvalidFieldException("spec.practise.drop_count", "must be at least 1.")),
        PractiseSpec.TargetOneofCase.LatencyReduction when tau == P.TauSource.Macs =>
            throw new InvalidFieldException("spec.practise.latency_reduction", "needs latencies: tau must be TAU_SOURCE_MEASURED or TAU_SOURCE_PROFILE."),
        PractiseSpec.TargetOneofCase.LatencyReduction => new DropTarget.Latency(Fields.Fraction(practise.LatencyReduction, "spec.practise.latency_reduction")),
        PractiseSpec.TargetOneofCase.MacsReduction => new DropTarget.Macs(Fields.Fraction(practise.MacsReduction, "spec.practise.macs_reduction")),
        PractiseSpec.TargetOneofCase.ParamsReduction => new DropTarget.Params(Fields.Fraction(practise.ParamsReduction, "spec.practise.params_reduction")),
        PractiseSpec.TargetOneofCase.Blocks => new DropTarget.Named([.. practise.Blocks.Names]),
        _ => throw new InvalidFieldException("spec.practise.target", "must be one of drop_count, latency_reduction, macs_reduction, params_reduction, blocks."),
    };
}
