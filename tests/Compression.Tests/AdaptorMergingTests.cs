using Fewshot.Compression.Adaptors;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Tests;

public class AdaptorMergingTests
{
    [Theory]
    [InlineData("cifar_resnet20", "layer2.1")]
    [InlineData("resnet18", "layer2.1")]
    [InlineData("resnet50", "layer1.1")]
    [InlineData("mobilenet_v2", "features.5")]
    [InlineData("vit_d32_l3_h4_m48_p8", "blocks.1")]
    [InlineData("swin_d16_l4-2-2_h2-4-8_w3", "layers.0.blocks.2-3")]
    public void Merge_AnyFamily_LeavesTheOutputsAsTheyWere(string variant, string block)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = SmallSet.Network(variant);
        var generator = new Generator(3);
        foreach (var site in AdaptorPlan.For(network, block))
        {
            var adaptor = (eye(site.Channels) + 0.1 * randn([site.Channels, site.Channels], generator: generator)).view(site.Channels, site.Channels, 1, 1);
            if (site.Before)
                site.Unit.AdaptorBefore = adaptor;
            else
                site.Unit.AdaptorAfter = adaptor;
        }

        var size = Math.Min(network.Spec.Preprocessing.Size, 64);
        var images = randn([2, 3, size, size], generator: generator);
        var apart = network.Forward(images);
        using var folded = network.Folded();
        var foldedApart = folded.Forward(images);
        AdaptorMerging.Merge(network);
        var merged = network.Forward(images);

        var scale = apart.abs().max().item<float>();
        Assert.InRange((merged - apart).abs().max().item<float>(), 0, 1e-4f * scale);
        Assert.InRange((foldedApart - apart).abs().max().item<float>(), 0, 1e-4f * scale);
        Assert.All(network.Blocks.SelectMany(b => b.Units), unit => Assert.True(unit.AdaptorBefore is null && unit.AdaptorAfter is null));
    }
}
