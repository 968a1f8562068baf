using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>ViT and DeiT: parity with PyTorch, the sizes read from checkpoints, and DC-ViT's edit.</summary>
[Collection(OracleCollection.Name)]
public class VisionTransformerTests(PyTorchOracle oracle)
{
    private const string Tiny = "vit_d32_l3_h4_m48_p8";

    [SkippableTheory]
    [InlineData("vit_b_16", "vit_base_patch16_224", null, "vit_base_patch16_224")]
    [InlineData("vit_b_16", "vit", null, "vit_base_patch16_224")]
    [InlineData("deit", "deit", 4, "vit_d24_l3_h4_m40_p4_distilled")]
    public void Import_SameWeightsAsPyTorch_SameFeaturesLogitsAndInputGradient(string file, string arch, int? heads, string variant)
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        using var scope = torch.NewDisposeScope();
        using var network = Checkpoint.Import(oracle.At(file + ".pth"), arch, new ImportOptions(Heads: heads));
        Assert.Equal(variant, network.Spec.Variant);
        AssertSame(network, Checkpoint.ReadTensors(oracle.At(file + ".answer.pth")));
    }

    [SkippableFact]
    public void Apply_CompressedAndDroppedBlocks_AsTheEquationsSay()
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        using var whole = Checkpoint.Import(oracle.At("deit.pth"), "deit", new ImportOptions(Heads: 4));
        using (var compressed = whole.Apply([new CompressBlock("blocks.1", 13, Seed: 5)]))
            Checkpoint.Save(compressed, oracle.At("compressed.safetensors"));
        using (var dropped = whole.Apply([new DropBlock("blocks.0")]).Apply([new CompressBlock("blocks.2", 2, Units: [7, 30])]))
            Checkpoint.Save(dropped, oracle.At("dropped.safetensors"));
        oracle.RunVision("edited");
        foreach (var file in new[] { "compressed", "dropped" })
        {
            using var scope = torch.NewDisposeScope();
            using var network = Checkpoint.Load(oracle.At(file + ".safetensors"));
            AssertSame(network, Checkpoint.ReadTensors(oracle.At(file + ".answer.pth")));
        }
    }

    [Theory]
    [InlineData("vit_d32_l3_h4_m48_p8", 0)]
    [InlineData("vit_d32_l3_h4_m48_p8_distilled", 0)]
    [InlineData("vit_d32_l3_h4_m48_p8", 20)]
    [InlineData("cifar_resnet20", 0)]
    public void Logits_OnlyWhatTheyDependOn_SameAsForwardAndItsGradient(string variant, int keptInLast)
    {
        using var scope = torch.NewDisposeScope();
        using var whole = ModelCatalog.Build(ModelCatalog.Find(variant).Spec(preprocessing: Preprocessing.Cifar), seed: 3);
        using var network = keptInLast == 0 ? whole.Clone() : whole.Apply([new CompressBlock("blocks.2", keptInLast)]);
        network.RequiresGrad(false);
        var images = torch.randn(3, 3, 32, 32).requires_grad_(true);
        var expected = network.Forward(images);
        (expected * expected).sum().backward();
        var gradient = images.grad!.clone();
        images.grad = null;

        var logits = network.Logits(images);
        (logits * logits).sum().backward();

        Assert.InRange((logits - expected).abs().max().item<float>(), 0, 1e-5f);
        Assert.InRange(((images.grad! - gradient).norm() / gradient.norm()).item<float>(), 0, 1e-5f);
    }

    [Fact]
    public void Apply_CompressBlock_KeepsTheUnitsItSaysAndCountsThem()
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var whole = Build();
        using var narrow = whole.Apply([new CompressBlock("blocks.1", 20, Seed: 3)]);
        var units = new CompressBlock("blocks.1", 20, Seed: 3).UnitsOf(48)!;
        Assert.Equal(20, units.Distinct().Count());
        var kept = torch.tensor(units);
        Assert.True(whole.Blocks[1].Mlp!.Hidden.Weight.index_select(0, kept).Equals(narrow.Blocks[1].Mlp!.Hidden.Weight));
        Assert.True(whole.Blocks[1].Mlp!.Output.Weight.index_select(1, kept).Equals(narrow.Blocks[1].Mlp!.Output.Weight));

        const long tokens = 17;
        var (before, after) = (whole.Costs(), narrow.Costs());
        Assert.Equal((tokens * 4 * 32 * 32) + (2 * tokens * tokens * 32) + (tokens * 2 * 32 * 28), before.Macs - after.Macs);
        Assert.Equal(before.Blocks[1].AttentionMacs + before.Blocks[1].MlpMacs, before.Blocks[1].Macs);
        Assert.Equal((0, tokens * 2 * 32 * 20, 20L), (after.Blocks[1].AttentionMacs, after.Blocks[1].MlpMacs, after.Blocks[1].Hidden));
        Assert.Equal(new[] { true, false, true }, narrow.Blocks.Select(block => block.Compressible));
        var (paper, standard) = (whole.Costs(MacsConvention.Paper), before);
        Assert.Equal((tokens * 2 * 32 * 7) - (3 * 2 * tokens * tokens * 32), paper.Macs - standard.Macs);
    }

    [Theory]
    [InlineData("blocks.1", 0, "1 to 48")]
    [InlineData("blocks.1", 49, "1 to 48")]
    [InlineData("blocks.7", 5, "blocks.0, blocks.1, blocks.2")]
    public void Apply_ImpossibleCompression_SaysWhatIsPossible(string block, int hidden, string part)
    {
        using var whole = Build();
        Assert.Contains(part, Assert.Throws<InvalidEditException>(() => whole.Apply([new CompressBlock(block, hidden)])).Message, StringComparison.Ordinal);
        using var once = whole.Apply([new CompressBlock("blocks.0", 5)]);
        Assert.Contains("already", Assert.Throws<InvalidEditException>(() => once.Apply([new CompressBlock("blocks.0", 4)])).Message, StringComparison.Ordinal);
        Assert.Contains("already", Assert.Throws<InvalidEditException>(() => once.Apply([new DropBlock("blocks.0")])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_ItsOwnSizes_HeadsMustBeSaidAndDivide()
    {
        using var file = new TemporaryCheckpoint(Build());
        Assert.Contains("--heads", Fails(file, "vit", new ImportOptions()), StringComparison.Ordinal);
        Assert.Contains("5 heads do not divide the width 32", Fails(file, "vit", new ImportOptions(Heads: 5)), StringComparison.Ordinal);
        Assert.Contains("has 12 heads, not 4", Fails(file, "vit_base_patch16_224", new ImportOptions(Heads: 4)), StringComparison.Ordinal);
        Assert.Contains("no attention heads", Fails(file, "resnet18", new ImportOptions(Heads: 4)), StringComparison.Ordinal);
        using var read = Checkpoint.Import(file.Path, "vit", new ImportOptions(Heads: 2));
        Assert.Equal("vit_d32_l3_h2_m48_p8", read.Spec.Variant);
    }

    [Fact]
    public void Import_AnotherImageSize_InterpolatesPositionsOnlyWhenAsked()
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var file = new TemporaryCheckpoint(Build());
        Preprocessing Larger(Preprocessing standard) => standard with { Size = 48 };
        Assert.Contains("--interpolate-positions", Fails(file, "vit", new ImportOptions(Larger, 4)), StringComparison.Ordinal);
        using var read = Checkpoint.Import(file.Path, "vit", new ImportOptions(Larger, 4, InterpolatePositions: true));
        Assert.Equal([2, 37, 32], read.Features(torch.randn(2, 3, 48, 48)).shape);
        Assert.Contains("multiple", Assert.Throws<InvalidSpecException>(() => Checkpoint.Import(file.Path, "vit", new ImportOptions(standard => standard with { Size = 50 }, 4))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lifecycle_ForwardBackwardCompressDispose_NothingStaysAlive()
    {
        var before = LiveTensors.Settled();
        using (var whole = Build())
        using (var narrow = whole.Apply([new CompressBlock("blocks.2", 9)]))
        using (var images = torch.randn(2, 3, 32, 32))
        {
            using var loss = narrow.Forward(images).sum();
            loss.backward();
            foreach (var parameter in narrow.Parameters())
                parameter.grad = null;
        }

        Assert.InRange(LiveTensors.Count, before, before + 1);
    }

    private static Network Build() => ModelCatalog.Build(ModelCatalog.Find(Tiny).Spec(classes: 5), seed: 4);

    private static string Fails(TemporaryCheckpoint file, string arch, ImportOptions options) =>
        Assert.Throws<CheckpointException>(() => Checkpoint.Import(file.Path, arch, options)).Message;

    private static void AssertSame(Network network, IReadOnlyDictionary<string, torch.Tensor> answer)
    {
        var images = answer["input"].clone().requires_grad_();
        var features = network.Features(images);
        PyTorchOracle.AssertClose(answer["features"], features);
        features.pow(3).mean().backward();
        PyTorchOracle.AssertClose(answer["gradient"].div(answer["gradient"].abs().max()), images.grad!.div(answer["gradient"].abs().max()));
        PyTorchOracle.AssertClose(answer["logits"], network.Forward(answer["input"]));
    }

    /// <summary>A network under its plain names, as another program would have saved it.</summary>
    private sealed class TemporaryCheckpoint : IDisposable
    {
        public TemporaryCheckpoint(Network network)
        {
            using (network)
            using (var file = File.Create(Path))
            {
                using var scope = torch.NewDisposeScope();
                var state = network.State().ToList();
                Artifacts.Safetensors.SafetensorsHeader.Write(file, state.Select(item => (item.Name, "F32", item.Value.shape)), new Dictionary<string, string>());
                foreach (var (_, value) in state)
                    file.Write(value.detach().bytes);
            }
        }

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"fewshot-{Guid.NewGuid():n}.safetensors");

        public void Dispose() => File.Delete(Path);
    }
}
