using Fewshot.Artifacts;
using Fewshot.Compression.Synthesis;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

public class SynthesisTests
{
    private static readonly SynthesisSettings Settings = new(Images: 4, Iterations: 12, LearningRate: 0.1);

    [Theory]
    [InlineData("cifar_resnet20", SynthesisMethod.DeepInversion)]
    [InlineData("vit_d32_l2_h2_m48_p8", SynthesisMethod.DeepDream)]
    public void Run_SameSeed_SameImages(string variant, SynthesisMethod method)
    {
        using var network = Network(variant);

        var one = Run(network, Settings);

        Assert.Equal(method, one.Method);
        Assert.Equal(PixelsOf(one), PixelsOf(Run(network, Settings)));
        Assert.NotEqual(PixelsOf(one), PixelsOf(Run(network, Settings with { Seed = 7 })));
        Assert.NotEqual(PixelsOf(one), PixelsOf(Run(network, Settings with { FirstImage = 4 })));
    }

    [Theory]
    [InlineData("cifar_resnet20")]
    [InlineData("vit_d32_l2_h2_m48_p8")]
    public void Run_MoreThreads_SameImagesToRounding(string variant)
    {
        using var network = Network(variant);

        var one = Run(network, Settings with { Images = 7 }, compute: new ComputeSettings(torch.CPU, Threads: 1));
        var three = Run(network, Settings with { Images = 7 }, compute: new ComputeSettings(torch.CPU, Threads: 3));

        var off = PixelsOf(one).Zip(PixelsOf(three), (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(off, 0, 0.5);
    }

    [Theory]
    [InlineData("cifar_resnet20")]
    [InlineData("vit_d32_l2_h2_m48_p8")]
    public void Run_InterruptedAndContinued_SameBitsAsUndisturbed(string variant)
    {
        using var network = Network(variant);
        var undisturbed = Run(network, Settings);
        var checkpoints = new MemoryCheckpointStore();
        using (var cancel = new CancelAfter(5))
            Assert.Throws<OperationCanceledException>(() => Run(network, Settings, cancel, checkpoints, cancellation: cancel.Token));

        var recorder = new Recorder();
        var continued = Run(network, Settings, recorder, checkpoints);

        Assert.Equal(6, recorder.Reports[0].Completed);
        Assert.Equal(PixelsOf(undisturbed), PixelsOf(continued));
    }

    [Fact]
    public void Run_CheckpointOfAnotherBatch_StartsAnew()
    {
        using var network = Network("cifar_resnet20");
        var checkpoints = new MemoryCheckpointStore();
        using (var cancel = new CancelAfter(5))
            Assert.Throws<OperationCanceledException>(() => Run(network, Settings, cancel, checkpoints, cancellation: cancel.Token));

        var next = Settings with { FirstImage = 4 };

        Assert.Equal(PixelsOf(Run(network, next)), PixelsOf(Run(network, next, checkpoints: checkpoints)));
    }

    [Theory]
    [InlineData(SynthesisMethod.Auto)]
    [InlineData(SynthesisMethod.DeepDream)]
    public void Run_TrainedNetwork_SeesTheIntendedClasses(SynthesisMethod method)
    {
        using var network = Checkpoint.Load(Path.Combine(AppContext.BaseDirectory, "shapes_resnet20.safetensors"));
        var recorder = new Recorder();

        var outcome = Run(network, Settings with { Iterations = 60, LearningRate = 0.25, Method = method }, recorder);

        Assert.True(recorder.Reports[^1].Metric < recorder.Reports[0].Metric);
        Assert.InRange(outcome.Agreed, 3, 4);
        Assert.All(outcome.Images, made => Assert.Equal((32, 32, 3), (made.Image.Width, made.Image.Height, made.Image.Channels)));
    }

    [Fact]
    public void Run_GreyNetwork_MakesGreyImages()
    {
        var grey = ModelCatalog.Find("vit_d32_l2_h2_m48_p8").Preprocessing with { Size = 24, Resize = 0, Mean = [0.5], Std = [0.5] };
        using var network = ModelCatalog.Build(new NetworkSpec("vit_d32_l2_h2_m48_p8", 5, grey, []), seed: 3);

        var outcome = Run(network, Settings);

        Assert.All(outcome.Images, made => Assert.Equal((24, 24, 1, 576), (made.Image.Width, made.Image.Height, made.Image.Channels, made.Image.Pixels.Length)));
    }

    [Fact]
    public void Run_BrokenStatistics_NamesTermAndStep()
    {
        using var network = SmallSet.Network();
        using (torch.no_grad())
            ((ConvUnit)network.StemUnits[0]).Norm!.RunningVar.fill_(float.PositiveInfinity);
        Assert.Equal("synthesize: the distance from the batch-norm statistics became NaN or infinite at step 0; lower the learning rate or check the weights", Failure(network, Settings));
    }

    [Fact]
    public void Run_BrokenClassifier_NamesTermAndStep()
    {
        using var network = Network("vit_d32_l2_h2_m48_p8");
        using (torch.no_grad())
            network.Classifier.Weight.fill_(float.NaN);
        Assert.Contains("the cross entropy became NaN or infinite at step 0", Failure(network, Settings), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_GradientOverflows_NamesThePixelsAndTheStepAfter()
    {
        using var network = Network("vit_d32_l2_h2_m48_p8");
        Assert.Contains("pixels became NaN or infinite at step 1", Failure(network, Settings with { TotalVariation = 1e39 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_DeepInversionWithoutBatchNorm_SaysWhatToDo()
    {
        using var network = Network("vit_d32_l2_h2_m48_p8");
        var error = Assert.Throws<CompressionException>(() => Run(network, Settings with { Method = SynthesisMethod.DeepInversion }));
        Assert.Equal("method: deepinversion matches batch-norm statistics, and vit_d32_l2_h2_m48_p8 has no batch norm; use deepdream", error.Message);
    }

    [Fact]
    public void Run_UnsuitableStudent_SaysWhatIsNeeded()
    {
        using var network = SmallSet.Network();
        using var other = ModelCatalog.Build(new NetworkSpec("cifar_resnet20", 4, Preprocessing.Cifar, []));
        Assert.Contains("must have the teacher's 10 classes", Assert.Throws<CompressionException>(() => Run(network, Settings with { Adaptive = 1 }, student: other)).Message, StringComparison.Ordinal);
        Assert.Contains("needs a weight above 0 and a student", Assert.Throws<CompressionException>(() => Run(network, Settings with { Adaptive = 1 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2000, 0, 0.0025)]
    [InlineData(2000, 99, 0.25)]
    [InlineData(2000, 100, 0.25)]
    [InlineData(2000, 1050, 0.125)]
    [InlineData(20, 0, 0.125)]
    [InlineData(20, 11, 0.125)]
    [InlineData(1, 0, 0.25)]
    public void Rate_WarmUpThenCosine_AsPublished(int iterations, int step, double rate) =>
        Assert.Equal(rate, new SynthesisSettings(Iterations: iterations).Rate(step), 9);

    private static string Failure(Network network, SynthesisSettings settings) => Assert.Throws<NonFiniteTermException>(() => Run(network, settings)).Message;

    internal static SynthesisOutcome Run(
        Network network, SynthesisSettings settings, IProgress<StepProgress>? progress = null, ICheckpointStore? checkpoints = null, Network? student = null,
        ComputeSettings? compute = null, CancellationToken cancellation = default) =>
        BatchSynthesis.Run(network, student, settings, compute ?? ComputeSettings.Cpu, progress ?? new Recorder(), checkpoints ?? new MemoryCheckpointStore(), cancellation);

    internal static Network Network(string variant)
    {
        if (variant.StartsWith("cifar", StringComparison.Ordinal))
            return SmallSet.Network(variant);
        var small = ModelCatalog.Find(variant).Preprocessing with { Size = 32, Resize = 0 };
        return ModelCatalog.Build(new NetworkSpec(variant, 10, small, []), seed: 3);
    }

    private static byte[] PixelsOf(SynthesisOutcome outcome) => [.. outcome.Images.SelectMany(made => made.Image.Pixels)];
}
