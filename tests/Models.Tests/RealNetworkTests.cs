using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>The four CNN checkpoints and what they say about real images is checked elsewhere; here: they are read, completely and safely.</summary>
public class RealNetworkTests
{
    private static readonly string? Folder = Find();

    [SkippableTheory]
    [InlineData("resnet20_cifar10.th", "cifar_resnet20", 10, 0.041)]
    [InlineData("resnet56_cifar10.th", "cifar_resnet56", 10, 0.125)]
    [InlineData("mobilenet_v2_imagenet.pth", "mobilenet_v2", 1000, 0.300)]
    public void Import_RealCheckpoint_GivesAWorkingNetwork(string file, string variant, int classes, double gigaMacs)
    {
        Skip.If(Folder is null, "the shared networks are not on this machine");
        using var network = Checkpoint.Import(Path.Combine(Folder, file), variant);
        Assert.Equal(classes, network.Spec.Classes);
        Assert.Equal(gigaMacs, network.Costs().Macs / 1e9, 2e-3);

        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var folded = network.Folded();
        var images = torch.randn([2, 3, network.Spec.Preprocessing.Size, network.Spec.Preprocessing.Size], generator: new torch.Generator(7));
        var logits = network.Forward(images);
        Assert.Equal([2, classes], logits.shape);
        Assert.True((logits - folded.Forward(images)).abs().max().item<float>() < 1e-4 * Math.Max(1, logits.abs().max().item<float>()));
    }

    [SkippableFact]
    public void Import_WrongDepth_NamesKeysAndTheVariantThatFits()
    {
        Skip.If(Folder is null, "the shared networks are not on this machine");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Import(Path.Combine(Folder, "resnet20_cifar10.th"), "cifar_resnet56"));
        Assert.Contains("missing (layer1.3.conv1.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("They fit cifar_resnet20.", error.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("vit_fashion_mnist.safetensors", "vit_d128_l6_h4_m256_p4", 28, 1)]
    [InlineData("vit_cifar10_d128_l4.safetensors", "vit_d128_l4_h4_m256_p4", 32, 3)]
    public void Import_RealVisionTransformer_SizesFromItsShapes(string file, string variant, int size, int channels)
    {
        Skip.If(Folder is null, "the shared networks are not on this machine");
        using var network = Checkpoint.Import(Path.Combine(Folder, file), "vit", new ImportOptions(Heads: 4));
        Assert.Equal((variant, size, channels, 10), (network.Spec.Variant, network.Spec.Preprocessing.Size, network.Spec.Preprocessing.Channels, network.Spec.Classes));
        using var guard = torch.no_grad();
        using var logits = network.Forward(torch.randn([2, channels, size, size], generator: new torch.Generator(7)));
        Assert.Equal([2, 10], logits.shape);
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var models = Path.Combine(folder.FullName, "shared", "models");
            if (Directory.Exists(models))
                return models;
        }

        return null;
    }
}
