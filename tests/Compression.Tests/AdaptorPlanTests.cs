using Fewshot.Compression.Adaptors;
using Fewshot.Models;

namespace Fewshot.Compression.Tests;

public class AdaptorPlanTests
{
    [Fact]
    public void For_MiddleOfACifarStage_WritersAheadAndReadersBehind()
    {
        using var network = SmallSet.Network("cifar_resnet32");

        var sites = AdaptorPlan.For(network, "layer2.2").Select(s => s.Name);

        // The zero-pad shortcut of layer2.0 and layer3.0 has no convolution to adapt.
        Assert.Equal(
            ["layer2.0.conv2.after", "layer2.1.conv2.after", "layer2.3.conv1.before", "layer2.4.conv1.before", "layer3.0.conv1.before"], sites);
    }

    [Fact]
    public void For_StageWithProjections_AdaptsTheShortcutsToo()
    {
        using var network = SmallSet.Network("resnet18");

        var sites = AdaptorPlan.For(network, "layer2.1").Select(s => s.Name).ToArray();

        Assert.Equivalent(
            new[] { "layer2.0.conv2.after", "layer2.0.downsample.after", "layer3.0.conv1.before", "layer3.0.downsample.before" }, sites, strict: true);
    }

    [Fact]
    public void For_LastStageOfMobileNet_ReachesTheTail()
    {
        using var network = SmallSet.Network("mobilenet_v2");

        var sites = AdaptorPlan.For(network, "features.16").Select(s => s.Unit.Name).ToArray();

        Assert.Contains("features.14.conv.2", sites);
        Assert.Contains("features.17.conv.0.0", sites);
    }

    [Fact]
    public void For_PairOfSwin_AdaptsItsNeighboursAndTheNextReduction()
    {
        using var network = SmallSet.Network("swin_d16_l6-2_h2-4_w4");

        var sites = AdaptorPlan.For(network, "layers.0.blocks.2-3").Select(s => s.Name).ToArray();

        Assert.Equal(9, sites.Length);
        Assert.Equal("layers.0.blocks.0.attn.proj.after", sites[0]);
        Assert.Equal("layers.0.blocks.5.mlp.fc1.before", sites[^2]);
        Assert.Equal("layers.1.downsample.reduction.before", sites[^1]);
    }

    [Fact]
    public void For_UndroppableBlock_NamesTheDroppableOnes()
    {
        using var network = SmallSet.Network();

        var error = Assert.Throws<InvalidEditException>(() => AdaptorPlan.For(network, "layer2.0"));

        Assert.Contains("layer2.1", error.Message, StringComparison.Ordinal);
    }
}
