using Fewshot.Artifacts;
using Fewshot.Compression.Trials;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

public class BlockTrialsTests
{
    private static readonly TrialSettings Settings = new(Iterations: 6, BatchSize: 8, LearningRate: 1e-4);

    [Fact]
    public void Run_Practise_RecoversPartOfTheDistance()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();

        var outcomes = Run(network, images, ["layer1.1", "layer2.2", "layer3.1"], Settings with { Iterations = 20 });

        Assert.All(outcomes, outcome => Assert.InRange(outcome.Value, 0, outcome.DistanceBefore));
        Assert.All(outcomes, outcome => Assert.NotEqual(0, outcome.Value));
    }

    [Theory]
    [InlineData("swin_d16_l4-2_h2-4_w3")]
    [InlineData("vit_d32_l3_h4_m48_p8")]
    public void Run_EveryCriterionOnATransformer_JudgesAllItsBlocksAndPractiseRecovers(string variant)
    {
        using var network = SmallSet.Network(variant);
        using var images = SmallSet.Batches();
        var blocks = network.Blocks.Where(block => block.Droppable).Select(block => block.Name).ToArray();

        foreach (var criterion in Enum.GetValues<Criterion>())
            Assert.All(Run(network, images, blocks, Settings with { Criterion = criterion }), o => Assert.True(double.IsFinite(o.Value)));
        var untrained = Run(network, images, blocks, Settings with { Iterations = 1, LearningRate = 1e-12 });
        var outcomes = Run(network, images, blocks, Settings with { Iterations = 20, LearningRate = 2e-3 });

        Assert.Equal(blocks, outcomes.Select(o => o.Block));
        Assert.All(outcomes.Zip(untrained), pair => Assert.True(pair.First.Value > 0 && pair.First.Value < pair.Second.Value, pair.First.Block));
    }

    [Theory]
    [InlineData("cifar_resnet20", "layer1.1", "layer3.1")]
    [InlineData("vit_d24_l4_h4_m40_p8", "blocks.1", "blocks.3")]
    public void Run_RidgeStart_BeginsNearerToTheTeacherInAnyGrouping(string variant, string one, string other)
    {
        using var network = SmallSet.Network(variant);
        using (torch.no_grad())
        {
            foreach (var unit in network.Blocks.SelectMany(block => block.Units).Where(unit => unit is Linear))
                unit.Weight.mul_(2);
        }

        using var images = SmallSet.Batches(Imaging.Augmentation.None);
        var settings = new TrialSettings(Iterations: 1, BatchSize: SmallSet.Count, LearningRate: 1e-12);
        var identity = Run(network, images, [one, other], settings);
        var solved = Run(network, images, [one, other], settings with { RidgeStart = true });
        Assert.InRange(solved[0].Value, 0, 0.9 * identity[0].Value);
        Assert.Equal(solved[1], Run(network, images, [other], settings with { RidgeStart = true })[0]);
    }

    [Fact]
    public void Run_CandidatesInAnyGrouping_SameBits()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();

        var together = Run(network, images, ["layer1.2", "layer2.1", "layer3.2"], Settings);
        var apart = new[] { "layer1.2", "layer2.1", "layer3.2" }.SelectMany(block => Run(network, images, [block], Settings));

        Assert.Equal(together, apart);
    }

    [Fact]
    public void Run_InterruptedAndContinued_SameBitsAsUndisturbed()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();
        string[] blocks = ["layer1.1", "layer3.1"];
        var undisturbed = Run(network, images, blocks, Settings);
        var checkpoints = new MemoryCheckpointStore();
        using (var cancel = new CancelAfter(3))
            Assert.Throws<OperationCanceledException>(() => BlockTrials.Run(
                network, images, blocks, Settings, ComputeSettings.Cpu, cancel, checkpoints, cancel.Token));

        var recorder = new Recorder();
        var continued = BlockTrials.Run(network, images, blocks, Settings, ComputeSettings.Cpu, recorder, checkpoints, CancellationToken.None);

        Assert.Equal(undisturbed, continued);
        Assert.Equal(4, recorder.Reports[0].Completed);
    }

    [Fact]
    public void Run_AnyCriterion_LeavesTheTeacherUntouched()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();
        var before = network.State().Select(s => s.Value.to(TorchSharp.torch.ScalarType.Float64).sum().item<double>()).ToArray();

        foreach (var criterion in Enum.GetValues<Criterion>())
        {
            var outcomes = Run(network, images, ["layer1.1", "layer2.1"], Settings with { Criterion = criterion });
            Assert.All(outcomes, o => Assert.True(double.IsFinite(o.Value)));
            Assert.NotEqual(outcomes[0].Value, outcomes[1].Value);
        }

        Assert.Equal(before, network.State().Select(s => s.Value.to(TorchSharp.torch.ScalarType.Float64).sum().item<double>()));
    }

    [Fact]
    public void Run_UnknownBlock_NamesTheDroppableOnes()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();

        var error = Assert.Throws<InvalidEditException>(() => Run(network, images, ["layer9.9"], Settings));

        Assert.Contains("layer3.2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_RateFarTooHigh_SaysWhichTrialDiverged()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();

        var error = Assert.Throws<NonFiniteLossException>(() => Run(network, images, ["layer1.1"], Settings with { LearningRate = 1e30 }));

        Assert.Contains("layer1.1", error.Message, StringComparison.Ordinal);
    }

    internal static IReadOnlyList<TrialOutcome> Run(Network network, Imaging.ImageBatches images, IReadOnlyList<string> blocks, TrialSettings settings) =>
        BlockTrials.Run(network, images, blocks, settings, ComputeSettings.Cpu, new Recorder(), new MemoryCheckpointStore(), CancellationToken.None);
}
