using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Swin: parity with torchvision, the names of other files, pairs that go.</summary>
[Collection(OracleCollection.Name)]
public class SwinTransformerTests(PyTorchOracle oracle)
{
    private const string Small = "swin_d16_l4-2-4_h2-4-8_w4";

    [SkippableTheory]
    [InlineData("swin_t", "swin_tiny_patch4_window7_224", 96, "swin_tiny_patch4_window7_224")]
    [InlineData("swin_b", "swin", 64, "swin_base_patch4_window7_224")]
    [InlineData("swin_timm", "swin", 80, Small)]
    [InlineData("swin_original", "swin", 80, Small)]
    [InlineData("swin_original", Small, 80, Small)]
    public void Import_SameWeightsAsPyTorch_SameFeaturesLogitsAndInputGradient(string file, string arch, int size, string variant)
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        using var scope = torch.NewDisposeScope();
        using var network = Checkpoint.Import(oracle.At(file + ".pth"), arch, new ImportOptions(standard => standard with { Size = size, Resize = 0 }));
        Assert.Equal(variant, network.Spec.Variant);
        AssertSame(network, Checkpoint.ReadTensors(oracle.At(file + ".answer.pth")));
    }

    [SkippableFact]
    public void Apply_DroppedPairs_LoadIntoTheStockClassWithFewerLayers()
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        using var scope = torch.NewDisposeScope();
        using (var whole = Checkpoint.Import(oracle.At("swin_timm.pth"), "swin"))
        using (var dropped = whole.Apply([new DropBlock("layers.0.blocks.0-1"), new DropBlock("layers.2.blocks.2-3")]))
        {
            Assert.Equal("layers.0.blocks.0-1", dropped.RenamedBlocks()["layers.0.blocks.2-3"]);
            Checkpoint.Save(dropped, oracle.At("swin_dropped.safetensors"));
        }

        oracle.RunSwin("dropped");
        using var network = Checkpoint.Load(oracle.At("swin_dropped.safetensors"));
        AssertSame(network, Checkpoint.ReadTensors(oracle.At("swin_dropped.answer.pth")));
    }

    [Fact]
    public void Costs_SmallNetwork_AsCountedByHand()
    {
        // 48 pixels: maps of 12, 6 and 3; the second is padded to 8 and the third to 4 for windows of 4.
        var spec = ModelCatalog.Find(Small).Spec(preprocessing: Preprocessing.Cifar with { Size = 48 });
        long Pair(long map, long padded, long width) => 2 * ((padded * 3 * width * width) + (2 * padded * 16 * width) + (map * 9 * width * width));
        long[] macs = [Pair(144, 144, 16), Pair(144, 144, 16), 36 * 64 * 32, Pair(36, 64, 32), 9 * 128 * 64, Pair(9, 16, 64), Pair(9, 16, 64)];
        var (standard, paper) = (ModelCatalog.Describe(spec), ModelCatalog.Describe(spec, MacsConvention.Paper));
        Assert.Equal(macs, standard.Blocks.Select(block => block.Macs));
        Assert.Equal(macs.Sum() + (144 * 48 * 16) + (64 * 1000), standard.Macs);
        Assert.Equal(macs[3] - (2 * 2 * 64 * 16 * 32) + (2 * 2 * 2 * 36 * 32), paper.Blocks[3].Macs);
        Assert.Equal(macs[4] + (2 * 9 * 128), paper.Blocks[4].Macs);
        Assert.Equal(5, standard.Blocks.Count(block => block.Droppable));
        Assert.DoesNotContain(standard.Blocks, block => block.Compressible);
    }

    [Fact]
    public void Units_OfPairsAndReductions_ReadAndWriteTheStream()
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find(Small).Spec(classes: 2));
        Assert.Equal("Reads Writes Reads Writes Reads Writes Reads Writes", string.Join(' ', network.Blocks[0].Units.Select(unit => unit.Role)));
        Assert.Equal(("layers.1.downsample", 1, StreamRole.Reads | StreamRole.Writes), (network.Blocks[2].Name, network.Blocks[2].Stage, Assert.Single(network.Blocks[2].Units).Role));
        Assert.All(network.StemUnits, unit => Assert.Equal(StreamRole.None, unit.Role));
    }

    [Fact]
    public void Forward_AdaptorsMergedAndAnotherSizeInInferenceMode_SameOutputAndStillTrainable()
    {
        using var scope = torch.NewDisposeScope();
        using var network = ModelCatalog.Build(ModelCatalog.Find(Small).Spec(classes: 2), seed: 3);
        ulong seed = 5;
        using (torch.no_grad())
        {
            foreach (var unit in network.Blocks.SelectMany(block => block.Units))
            {
                unit.AdaptorBefore = unit.Reads ? Adaptor(unit.Inputs, seed++) : null;
                unit.AdaptorAfter = unit.Writes ? Adaptor(unit.Outputs, seed++) : null;
            }
        }

        var images = torch.randn([2, 3, 48, 48], generator: new torch.Generator(3));
        torch.Tensor adapted;
        using (torch.inference_mode())
            adapted = network.Features(images);
        foreach (var unit in network.Blocks.SelectMany(block => block.Units))
            unit.MergeAdaptors();
        var merged = network.Features(images);
        PyTorchOracle.AssertClose(adapted, merged);
        merged.square().mean().backward();
        Assert.All(network.Parameters().SkipLast(2), parameter => Assert.True(parameter.grad!.abs().max().item<float>() > 0));
    }

    [Fact]
    public void Lifecycle_TwoSizesForwardBackwardDispose_NothingStaysAlive()
    {
        var before = LiveTensors.Settled();
        using (var network = ModelCatalog.Build(ModelCatalog.Find(Small).Spec(classes: 2)))
        {
            foreach (var size in new[] { 48, 80, 48 })
            {
                using var images = torch.randn(1, 3, size, size);
                using var loss = network.Forward(images).sum();
                loss.backward();
            }

            foreach (var parameter in network.Parameters())
                parameter.grad = null;
            var alive = LiveTensors.Count;
            using (var images = torch.randn(1, 3, 48, 48))
            using (network.Forward(images))
                Assert.Equal(alive + 2, LiveTensors.Count);
            network.To(torch.CPU);
        }

        Assert.InRange(LiveTensors.Count, before, before + 3);
    }

    [Fact]
    public void Forward_GreyscaleImages_ChannelsAreThePreprocessings()
    {
        using var guard = torch.no_grad();
        using var network = ModelCatalog.Build(ModelCatalog.Find(Small).Spec(classes: 2, Preprocessing.Cifar with { Size = 32, Mean = [0.5], Std = [0.5] }));
        using var images = torch.randn(3, 1, 32, 32);
        using var logits = network.Forward(images);
        Assert.Equal([3, 2], logits.shape);
    }

    [Theory]
    [InlineData("swin_d16_l3-2_h2-4_w4", "even number of layers")]
    [InlineData("swin_d16_l2-2_h2_w4", "a number of heads in each stage")]
    [InlineData("swin_d16_l2-2_h3-4_w4", "3 heads do not divide the width 16 of stage 0")]
    public void Find_ImpossibleSizes_SaysWhich(string name, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidSpecException>(() => ModelCatalog.Find(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void Describe_OddImageSizeOrNoSizes_SaysWhatToGive()
    {
        var preprocessing = Preprocessing.Cifar with { Size = 40 };
        Assert.Contains("multiple of 16", Assert.Throws<InvalidSpecException>(() => ModelCatalog.Describe(ModelCatalog.Find(Small).Spec(preprocessing: preprocessing))).Message, StringComparison.Ordinal);
        Assert.Contains("swin_tiny_patch4_window7_224", Assert.Throws<InvalidSpecException>(() => ModelCatalog.Describe(ModelCatalog.Find("swin").Spec())).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Import_HeadsGivenOrOtherWeights_IsRefused()
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        Assert.Contains("--heads", Assert.Throws<CheckpointException>(() => Checkpoint.Import(oracle.At("swin_timm.pth"), "swin", new ImportOptions(Heads: 2))).Message, StringComparison.Ordinal);
        Assert.Contains("no Swin transformer", Assert.Throws<CheckpointException>(() => Checkpoint.Import(oracle.At("resnet18.pth"), "swin")).Message, StringComparison.Ordinal);
    }

    private static torch.Tensor Adaptor(long channels, ulong seed) =>
        (torch.eye(channels) + torch.randn([channels, channels], generator: new torch.Generator(seed)).mul_(0.1)).view(channels, channels, 1, 1);

    private static void AssertSame(Network network, IReadOnlyDictionary<string, torch.Tensor> answer)
    {
        var images = answer["input"].clone().requires_grad_();
        var features = network.Features(images);
        PyTorchOracle.AssertClose(answer["features"], features);
        features.pow(3).mean().backward();
        var tables = network.State().Where(item => item.Name.StartsWith("layers.0.", StringComparison.Ordinal) && item.Name.EndsWith("table", StringComparison.Ordinal)).Take(2).ToArray();
        foreach (var (expected, actual) in new[] { ("gradient", images), ("plain", tables[0].Value), ("shifted", tables[1].Value) })
        {
            var scale = answer[expected].abs().max();
            PyTorchOracle.AssertClose(answer[expected].div(scale), actual.grad!.div(scale));
        }

        PyTorchOracle.AssertClose(answer["logits"], network.Forward(answer["input"]));
    }
}
