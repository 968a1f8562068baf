namespace Fewshot.Models.Tests;

public class EditTests
{
    [Fact]
    public void Apply_TwoDrops_KeepsOriginalNamesAndNumbersCheckpointDensely()
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("mobilenet_v2_0.1").Spec(classes: 2));
        using var once = network.Apply([new DropBlock("features.5")]);
        using var twice = once.Apply([new DropBlock("features.13")]);
        Assert.Equal([new DropBlock("features.5"), new DropBlock("features.13")], twice.Spec.Edits);
        Assert.DoesNotContain(twice.Blocks, block => block.Name is "features.5" or "features.13");
        var renamed = twice.RenamedBlocks();
        Assert.Equal("features.4", renamed["features.4"]);
        Assert.Equal("features.5", renamed["features.6"]);
        Assert.Equal("features.12", renamed["features.14"]);
        Assert.Contains(twice.State(), item => item.Name == "features.16.0.weight");
        Assert.DoesNotContain(twice.State(), item => item.Name.StartsWith("features.17", StringComparison.Ordinal));
        var kept = network.Blocks.Single(block => block.Name == "features.14").Units[1].Weight;
        Assert.True(kept.Equals(twice.Blocks.Single(block => block.Name == "features.14").Units[1].Weight));
    }

    [Theory]
    [InlineData("layer1.0")]
    [InlineData("layer2.0")]
    [InlineData("layer9.9")]
    [InlineData("")]
    public void Apply_BlockThatCannotGo_ListsTheDroppable(string name)
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec());
        var error = Assert.Throws<InvalidEditException>(() => network.Apply([new DropBlock("layer1.1"), new DropBlock(name)]));
        Assert.Equal(["layer1.2", "layer2.1", "layer2.2", "layer3.1", "layer3.2"], error.Droppable);
        Assert.Contains("layer1.2, layer2.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_SameBlockTwice_SaysItIsGone()
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec());
        using var once = network.Apply([new DropBlock("layer1.1")]);
        var error = Assert.Throws<InvalidEditException>(() => once.Apply([new DropBlock("layer1.1")]));
        Assert.Contains("dropped already", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_RoundTrip_IsEqualAndStable()
    {
        var spec = ModelCatalog.Find("cifar_resnet56").Spec() with { Edits = [new DropBlock("layer1.3"), new DropBlock("layer3.8")] };
        Assert.Equal(spec, NetworkSpec.FromJson(spec.ToJson()));
        Assert.Equal(
            """{"variant":"cifar_resnet56","classes":10,"preprocessing":{"size":32,"resize":0,"interpolation":"bilinear","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"augmentation":"padded_crop_flip","resize_both_sides":false},"edits":[{"kind":"drop_block","block":"layer1.3"},{"kind":"drop_block","block":"layer3.8"}]}""",
            spec.ToJson());
    }

    [Theory]
    [InlineData("\"classes\":10", "\"classes\":0", "classes")]
    [InlineData("\"classes\":10", "\"classes\":\"x\"", "classes")]
    [InlineData("\"size\":32", "\"size\":1000000", "preprocessing.size")]
    [InlineData("\"bilinear\"", "\"nearest\"", "preprocessing.interpolation")]
    [InlineData("0.229,", "0,", "preprocessing.std")]
    [InlineData("[0.485,", "[", "preprocessing.mean")]
    [InlineData("\"drop_block\"", "\"drop_all\"", "edits")]
    [InlineData("\"block\":\"layer1.3\"", "\"block\":null", "edit")]
    [InlineData("\"edits\"", "\"edicts\"", "edicts")]
    [InlineData("\"variant\":\"cifar_resnet56\"", "\"variant\":null", "needs variant")]
    public void FromJson_BadField_IsNamed(string good, string bad, string field)
    {
        var json = (ModelCatalog.Find("cifar_resnet56").Spec() with { Edits = [new DropBlock("layer1.3")] }).ToJson();
        Assert.Contains(good, json, StringComparison.Ordinal);
        var error = Assert.Throws<InvalidSpecException>(() => NetworkSpec.FromJson(json.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(field, error.Message, StringComparison.Ordinal);
    }
}
