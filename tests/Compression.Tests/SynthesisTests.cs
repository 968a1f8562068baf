using Fewshot.Models;
using Fewshot.Compression.Synthesis;

namespace Fewshot.Compression.Tests;

public class SynthesisTests
{
    private static readonly SynthesisSettings Settings = new(Images: 6, Iterations: 12, BatchSize: 4, LearningRate: 0.1);

    [Fact]
    public void Run_SameSeed_SameImagesWhateverFollows()
    {
        using var network = SmallSet.Network();

        var some = Run(network, Settings with { Images = 4 });
        var more = Run(network, Settings);

        Assert.Equal(6, more.Images.Count);
        Assert.All(some.Images.Zip(more.Images), pair =>
        {
            Assert.Equal(pair.First.Label, pair.Second.Label);
            Assert.Equal(pair.First.Image.Pixels, pair.Second.Image.Pixels);
        });
        Assert.NotEqual(more.Images[0].Image.Pixels, Run(network, Settings with { Seed = 7, Images = 4 }).Images[0].Image.Pixels);
    }

    [Fact]
    public void Run_TrainedNetwork_SeesTheIntendedClasses()
    {
        using var network = Models.Checkpoint.Load(Path.Combine(AppContext.BaseDirectory, "shapes_resnet20.safetensors"));
        var recorder = new Recorder();

        var outcome = DeepInversion.Run(network, Settings with { Iterations = 60, Images = 4 }, ComputeSettings.Cpu, recorder, CancellationToken.None);

        Assert.True(recorder.Reports[^1].Metric < recorder.Reports[0].Metric);
        Assert.InRange(outcome.TeacherTop1, 0.5, 1);
        Assert.All(outcome.Images, made => Assert.Equal((32, 32, 3), (made.Image.Width, made.Image.Height, made.Image.Channels)));
    }

    [Fact]
    public void Run_BrokenStatistics_NamesTheTerm()
    {
        using var network = SmallSet.Network();
        using (TorchSharp.torch.no_grad())
            ((ConvUnit)network.StemUnits[0]).Norm!.RunningMean.fill_(float.PositiveInfinity);

        var error = Assert.Throws<NonFiniteTermException>(() => Run(network, Settings));

        Assert.Contains("step 0", error.Message, StringComparison.Ordinal);
    }

    private static SynthesisOutcome Run(Models.Network network, SynthesisSettings settings) =>
        DeepInversion.Run(network, settings, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);
}
