namespace Fewshot.Models.Tests;

/// <summary>Against published figures (PRACTISE's and torchvision's tables, the He et al. and Sandler et al. papers).</summary>
public class CostsTests
{
    [Theory]
    [InlineData("resnet18", 1.814, 11_689_512)]
    [InlineData("resnet34", 3.664, 21_797_672)]
    [InlineData("resnet50", 4.089, 25_557_032)]
    [InlineData("resnet101", 7.801, 44_549_160)]
    [InlineData("resnet152", 11.514, 60_192_808)]
    [InlineData("mobilenet_v2", 0.3008, 3_504_872)]
    [InlineData("mobilenet_v2_0.5", 0.0971, 1_968_680)]
    [InlineData("mobilenet_v2_1.4", 0.5822, 6_108_776)]
    [InlineData("vit_tiny_patch16_224", 1.2537, 5_717_416)]
    [InlineData("vit_small_patch16_224", 4.5989, 22_050_664)]
    [InlineData("vit_base_patch16_224", 17.564, 86_567_656)]
    [InlineData("vit_base_patch32_224", 4.4096, 88_224_232)]
    [InlineData("vit_large_patch16_224", 61.555, 304_326_632)]
    [InlineData("deit_base_distilled_patch16_224", 17.658, 87_338_192)]
    [InlineData("swin_tiny_patch4_window7_224", 4.49, 28_288_354)]
    [InlineData("swin_small_patch4_window7_224", 8.74, 49_606_258)]
    [InlineData("swin_base_patch4_window7_224", 15.43, 87_768_224)]
    [InlineData("cifar_resnet20", 0.0406, 269_722)]
    [InlineData("cifar_resnet32", 0.0689, 464_154)]
    [InlineData("cifar_resnet44", 0.0971, 658_586)]
    [InlineData("cifar_resnet56", 0.1254, 853_018)]
    [InlineData("cifar_resnet110", 0.2527, 1_727_962)]
    public void Describe_PublishedVariant_PublishedMacsAndParams(string name, double gigaMacs, long parameters)
    {
        var costs = ModelCatalog.Describe(ModelCatalog.Find(name).Spec());
        Assert.Equal(gigaMacs, costs.Macs / 1e9, 1.5e-3 * gigaMacs);
        Assert.Equal(parameters, costs.Params);
    }

    [Theory]
    [InlineData("resnet34", 12)]
    [InlineData("resnet50", 12)]
    [InlineData("mobilenet_v2", 10)]
    [InlineData("cifar_resnet56", 24)]
    public void Describe_PaperVariant_PaperCountOfDroppableBlocks(string name, int count) =>
        Assert.Equal(count, ModelCatalog.Describe(ModelCatalog.Find(name).Spec()).Blocks.Count(block => block.Droppable));

    [Fact]
    public void Describe_MobileNetV2_DroppableBlocksOfThePaper() =>
        Assert.Equal(
            "features.3 features.5 features.6 features.8 features.9 features.10 features.12 features.13 features.15 features.16",
            string.Join(' ', ModelCatalog.Describe(ModelCatalog.Find("mobilenet_v2").Spec()).Blocks.Where(block => block.Droppable).Select(block => block.Name)));

    [Fact]
    public void Costs_BuiltNetwork_AsDescribed()
    {
        var spec = ModelCatalog.Find("cifar_resnet20").Spec(classes: 4);
        using var network = ModelCatalog.Build(spec);
        Assert.Equal(ModelCatalog.Describe(spec).Blocks, network.Costs().Blocks);
        Assert.Equal(network.Parameters().Sum(parameter => parameter.numel()), network.Costs().Params);
    }
}
