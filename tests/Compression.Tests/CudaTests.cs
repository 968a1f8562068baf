using Fewshot.Artifacts;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Tests;

/// <summary>A GPU computes what the CPU computes.</summary>
public class CudaTests
{
    [SkippableTheory]
    [InlineData(false, 1e-2)]
    [InlineData(true, 0.2)]
    public void TrialAndFinetune_OnCuda_AgreeWithTheCpu(bool mixedPrecision, double tolerance)
    {
        Skip.IfNot(cuda.is_available(), "no CUDA device, or a libtorch without CUDA");

        var (trial, loss) = Run(ComputeSettings.Cpu);
        var (cudaTrial, cudaLoss) = Run(new ComputeSettings(CUDA, mixedPrecision));

        Assert.InRange(cudaTrial, trial * (1 - tolerance), trial * (1 + tolerance));
        Assert.InRange(cudaLoss, loss * (1 - tolerance), loss * (1 + tolerance));
    }

    [SkippableTheory]
    [InlineData("cifar_resnet20")]
    [InlineData("vit_d32_l2_h2_m48_p8")]
    public void Synthesis_OnCuda_AgreesWithTheCpu(string variant)
    {
        Skip.IfNot(cuda.is_available(), "no CUDA device, or a libtorch without CUDA");
        using var network = SynthesisTests.Network(variant);
        // At a low rate, or what rounding makes of the smallest gradients soon shows in every pixel.
        var settings = new Synthesis.SynthesisSettings(Images: 5, Iterations: 6, LearningRate: 0.01);
        var (onCpu, onCuda) = (new Recorder(), new Recorder());

        SynthesisTests.Run(network, settings, onCpu);
        SynthesisTests.Run(network, settings, onCuda, compute: new ComputeSettings(CUDA));

        Assert.All(onCpu.Reports.Zip(onCuda.Reports), pair => Assert.Equal(pair.First.Metric!.Value, pair.Second.Metric!.Value, pair.First.Metric!.Value * 1e-2));
    }

    private static (double Recoverability, double Loss) Run(ComputeSettings compute)
    {
        using var teacher = SmallSet.Network();
        using var student = teacher.Apply([new DropBlock("layer2.1")]);
        using var images = SmallSet.Batches(compute.Device);
        var trial = BlockTrials.Run(
            teacher, images, ["layer2.1"], new TrialSettings(Iterations: 5, BatchSize: SmallSet.Count, LearningRate: 1e-4), compute, new Recorder(),
            new MemoryCheckpointStore(), CancellationToken.None);
        var tuned = MimicFinetuning.Run(
            teacher, student, images, new TrainingSettings(Iterations: 5, BatchSize: SmallSet.Count, LearningRate: 1e-3), FeaturePoint.PreGap, compute,
            new Recorder(), new MemoryCheckpointStore(), CancellationToken.None);
        return (trial[0].Value, tuned.LastLoss);
    }
}
