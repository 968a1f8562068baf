using Fewshot.Artifacts;
using Fewshot.Compression.Adaptors;
using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>The criteria that train nothing: they look at what the network does when a block is removed, or at the block itself.</summary>
internal sealed class RemovalTrials(Network teacher, ImageBatches images, TrialSettings settings, ComputeSettings compute)
{
    public IReadOnlyList<TrialOutcome> Run(IReadOnlyList<string> blocks, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        var gaps = blocks.Select(block => AdaptorPlan.IndexOf(teacher, block)).ToArray();
        var pass = new TeacherPass(teacher, gaps.ToHashSet(), settings.FeaturePoint);
        var values = new double[gaps.Length];
        var distances = new double[gaps.Length];
        for (var first = 0; first < images.Count; first += settings.BatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var count = Math.Min(settings.BatchSize, images.Count - first);
            var (junctions, features) = pass.Run(images.Evaluation(first, count).to(compute.ActivationType));
            for (var i = 0; i < gaps.Length; i++)
                Judge(gaps[i], junctions[gaps[i]].Stream, features, count, ref values[i], ref distances[i]);
            progress.Report(new StepProgress("trials", first + count, images.Count));
        }

        return [.. blocks.Select((block, i) => Outcome(block, values[i], distances[i]))];
    }

    private TrialOutcome Outcome(string block, double value, double distance) => settings.Criterion switch
    {
        Criterion.EpsResNet => new(block, value, double.NaN),
        Criterion.Curl => new(block, value / images.Count, double.NaN),
        _ => new(block, distance / images.Count, distance / images.Count),
    };

    private void Judge(int gap, Tensor stream, Tensor features, int count, ref double value, ref double distance)
    {
        using var scope = NewDisposeScope();
        if (settings.Criterion == Criterion.EpsResNet)
        {
            value = Math.Max(value, teacher.Blocks[gap].Branch(stream).abs().max().to(ScalarType.Float32).item<float>());
            return;
        }

        for (var i = gap + 1; i < teacher.Blocks.Count; i++)
            stream = teacher.Blocks[i].Forward(stream);
        if (settings.Criterion == Criterion.Curl)
            value += Divergence(stream, features);
        else
            distance += count * MimicLoss.Between(MimicLoss.FeaturesOf(teacher, stream, settings.FeaturePoint), features).item<float>();
    }

    // Sum over images of KL(teacher || pruned) of the class probabilities. The features are compared before pooling here.
    private double Divergence(Tensor stream, Tensor features)
    {
        var pruned = nn.functional.log_softmax(Logits(MimicLoss.FeaturesOf(teacher, stream, settings.FeaturePoint)), 1);
        var original = nn.functional.log_softmax(Logits(features), 1);
        return original.exp().mul(original - pruned).sum().item<float>();
    }

    private Tensor Logits(Tensor features) =>
        teacher.Classify((settings.FeaturePoint == FeaturePoint.PreGap ? teacher.Pool(features) : features).to(compute.ActivationType)).to(ScalarType.Float32);
}
