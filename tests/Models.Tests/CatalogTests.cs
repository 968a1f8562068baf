using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Theories over the whole catalog.</summary>
public class CatalogTests
{
    private const int Classes = 3;

    public static TheoryData<string> Names => [.. ModelCatalog.Variants.Select(variant => variant.Name)];

    /// <summary>All but those that only repeat another's blocks 20 and 40 times more and fill a disk with them.</summary>
    public static TheoryData<string> ModestNames =>
        [.. ModelCatalog.Variants.Select(variant => variant.Name).Where(name => name is not ("resnet101" or "resnet152") && !name.Contains("base", StringComparison.Ordinal) && !name.Contains("large", StringComparison.Ordinal))];

    /// <summary>Those small enough to run every block's removal for real.</summary>
    public static TheoryData<string> SmallNames => ["cifar_resnet20", "resnet18", "resnet50", "mobilenet_v2_0.5", "cifar_mobilenet_v2_0.5", "vit_d32_l3_h4_m48_p8", "swin_d16_l4-2_h2-4_w3"];

    [Theory]
    [MemberData(nameof(ModestNames))]
    public void Forward_SmallImages_StagesHalveTheMapAndLogitsAreFinite(string name)
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var network = Build(name);
        var images = Images(32);
        var stream = network.Stem(images);
        foreach (var block in network.Blocks)
        {
            var next = block.Forward(stream);
            if (block.Droppable)
                Assert.Equal(stream.shape, next.shape);
            Assert.Equal(next.shape, block.Branch(stream).shape);
            stream = next;
        }

        var logits = network.Classify(network.Pool(network.Tail(stream)));
        Assert.Equal([2, Classes], logits.shape);
        Assert.True(logits.isfinite().all().item<bool>());
        PyTorchOracle.AssertClose(logits, network.Forward(images), 1e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Blocks_EveryVariant_StagesAreContiguousAndFirstBlocksStay(string name)
    {
        var spec = ModelCatalog.Find(name).Spec();
        var blocks = ModelCatalog.Describe(spec).Blocks;
        var stages = blocks.Select(block => block.Stage).ToArray();
        Assert.Equal(stages.Order(), stages);
        Assert.Equal(Enumerable.Range(0, stages[^1] + 1), stages.Distinct());
        // Transformers add to a stream that is there already, after the patches or a reduction.
        foreach (var stage in blocks.GroupBy(block => block.Stage).Where(stage => ModelCatalog.Find(name).Family is not ("vit" or "swin") || stage.Key > 0))
            Assert.False(stage.First().Droppable);
        foreach (var block in blocks.Where(block => block.Droppable))
        {
            var pruned = ModelCatalog.Describe(spec with { Edits = [new DropBlock(block.Name)] });
            Assert.DoesNotContain(pruned.Blocks, left => left.Name == block.Name);
            Assert.Equal(block.Params, ModelCatalog.Describe(spec).Params - pruned.Params);
            Assert.Equal(block.Macs, ModelCatalog.Describe(spec).Macs - pruned.Macs);
        }
    }

    [Theory]
    [MemberData(nameof(SmallNames))]
    public void Apply_EveryDroppableBlockAndAllAtOnce_EqualsSkippingThem(string name)
    {
        using var guard = torch.no_grad();
        using var network = Build(name);
        using var images = Images(32);
        var droppable = network.Blocks.Where(block => block.Droppable).Select(block => block.Name).ToArray();
        foreach (var dropped in droppable.Select(block => new[] { block }).Append(droppable))
        {
            using var scope = torch.NewDisposeScope();
            using var pruned = network.Apply(dropped.Select(block => new DropBlock(block)));
            var stream = network.Stem(images);
            foreach (var block in network.Blocks.Where(block => !dropped.Contains(block.Name)))
                stream = block.Forward(stream);
            PyTorchOracle.AssertClose(network.Tail(stream), pruned.Features(images), 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(ModestNames))]
    public void Save_ThenLoad_SameStateSameBytes(string name)
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var whole = Build(name);
        using var network = whole.Apply(whole.Blocks.Where(block => block.Droppable).Take(1).Select(block => new DropBlock(block.Name)));
        var path = Path.Combine(Path.GetTempPath(), $"fewshot-{Guid.NewGuid():n}.safetensors");
        try
        {
            Checkpoint.Save(network, path);
            using var loaded = Checkpoint.Load(path);
            Assert.Equal(network.Spec, loaded.Spec);
            Assert.Equal(network.State().Select(item => item.Name), loaded.State().Select(item => item.Name));
            foreach (var ((_, saved), (key, read)) in network.State().Zip(loaded.State()))
                Assert.True(saved.Equals(read), key);
            using var first = File.OpenRead(path);
            using var again = new MemoryStream();
            Checkpoint.Save(loaded, again);
            Assert.Equal(first.Length, again.Length);
            Assert.Equal(System.Security.Cryptography.SHA256.HashData(first), System.Security.Cryptography.SHA256.HashData(again.GetBuffer().AsSpan(0, (int)again.Length)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [MemberData(nameof(ModestNames))]
    public void Folded_TrainedNorms_SameFeatures(string name)
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var network = Build(name);
        var images = Images(32);
        network.Training = true;
        network.Forward(images).Dispose();
        network.Training = false;
        using var folded = network.Folded();
        using var again = folded.Clone();
        PyTorchOracle.AssertClose(network.Features(images), folded.Features(images));
        Assert.True(folded.Forward(images).Equals(again.Forward(images)));
        Assert.DoesNotContain(folded.Parameters(), parameter => parameter.requires_grad);
    }

    [Theory]
    [InlineData("cifar_resnet20")]
    [InlineData("resnet50")]
    [InlineData("mobilenet_v2_0.5")]
    [InlineData("vit_d32_l3_h4_m48_p8")]
    public void Forward_AnyMode_LeavesOneTensorAlive(string name)
    {
        using var network = Build(name);
        using var folded = network.Folded();
        using var images = Images(32);
        var before = LiveTensors.Settled();
        foreach (var (subject, training, grad) in new[] { (network, false, false), (network, false, true), (network, true, true), (folded, false, false) })
        {
            using var mode = torch.set_grad_enabled(grad);
            subject.Training = training;
            var logits = subject.Forward(images);
            Assert.Equal(before + 1, LiveTensors.Count);
            logits.Dispose();
            using var stream = subject.Stem(images);
            foreach (var block in subject.Blocks.Take(1))
            {
                using var output = block.Forward(stream);
                using var branch = block.Branch(stream);
                Assert.Equal(before + 3, LiveTensors.Count);
            }
        }

        network.Training = false;
        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void Lifecycle_BuildCloneApplyFoldSaveDispose_NothingStaysAlive()
    {
        var before = LiveTensors.Settled();
        using (var network = Build("cifar_resnet20"))
        using (network.Clone())
        using (network.Apply([new DropBlock("layer1.1")]))
        using (var folded = network.Folded())
        using (folded.Clone())
        {
            network.To(torch.CPU);
            folded.To(torch.CPU);
            using var file = new MemoryStream();
            Checkpoint.Save(network, file);
        }

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void Build_SameSeed_SameWeights()
    {
        var spec = ModelCatalog.Find("cifar_resnet20").Spec();
        using var one = ModelCatalog.Build(spec, seed: 5);
        using var same = ModelCatalog.Build(spec, seed: 5);
        using var other = ModelCatalog.Build(spec, seed: 6);
        Assert.True(one.Blocks[3].Units[0].Weight.Equals(same.Blocks[3].Units[0].Weight));
        Assert.False(one.Blocks[3].Units[0].Weight.Equals(other.Blocks[3].Units[0].Weight));
        Assert.Equal(Math.Sqrt(2.0 / (16 * 9)), one.Blocks[0].Units[0].Weight.std().item<float>(), 0.01);
    }

    [Theory]
    [InlineData("resnet35")]
    [InlineData("mobilenet_v2_9")]
    [InlineData("mobilenet_v2_\n1.0")]
    [InlineData("vit_d32_l3")]
    [InlineData("")]
    public void Find_UnknownName_ListsTheNames(string name)
    {
        var error = Assert.Throws<UnknownArchitectureException>(() => ModelCatalog.Find(name));
        Assert.Contains("cifar_resnet56", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("mobilenet_v2_1.0", "mobilenet_v2")]
    [InlineData("mobilenet_v2_0.850", "mobilenet_v2_0.85")]
    [InlineData("cifar_mobilenet_v2_0.5", "cifar_mobilenet_v2_0.5")]
    public void Find_AnyWidth_GivesTheCanonicalName(string name, string canonical) => Assert.Equal(canonical, ModelCatalog.Find(name).Name);

    private static Network Build(string name)
    {
        var variant = ModelCatalog.Find(name);
        return ModelCatalog.Build(variant.Spec(Classes, variant.Preprocessing with { Size = 32, Resize = 0 }), seed: 1);
    }

    private static torch.Tensor Images(long size) => torch.randn([2, 3, size, size], generator: new torch.Generator(3));
}
