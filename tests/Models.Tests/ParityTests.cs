using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Our networks against PyTorch's own, random weights and norms, random images.</summary>
[Collection(OracleCollection.Name)]
public class ParityTests(PyTorchOracle oracle)
{
    public static TheoryData<string, string> Networks => new()
    {
        { "cifar_resnet20", "cifar_resnet20" }, { "resnet18", "resnet18" }, { "resnet34", "resnet34" }, { "resnet50", "resnet50" },
        { "mobilenet_v2", "mobilenet_v2" }, { "mobilenet_v2_0.5", "mobilenet_v2" },
    };

    [SkippableTheory]
    [MemberData(nameof(Networks))]
    public void Forward_SameWeightsAsPyTorch_SameFeaturesAndLogits(string file, string variant)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        Skip.If(variant != "cifar_resnet20" && oracle.MissingVision is not null, oracle.MissingVision);
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var network = Checkpoint.Import(oracle.At(file + ".pth"), variant);
        var answer = Checkpoint.ReadTensors(oracle.At(file + ".answer.pth"));
        Assert.Equal(file, network.Spec.Variant);

        PyTorchOracle.AssertClose(answer["features"], network.Features(answer["input"]));
        PyTorchOracle.AssertClose(answer["logits"], network.Forward(answer["input"]));
        using var folded = network.Folded();
        PyTorchOracle.AssertClose(answer["features"], folded.Features(answer["input"]));

        network.Training = true;
        PyTorchOracle.AssertClose(answer["training_logits"], network.Forward(answer["input"]), 1e-3);
        PyTorchOracle.AssertClose(answer["stem_mean"], ((ConvUnit)network.StemUnits[0]).Norm!.RunningMean);
        PyTorchOracle.AssertClose(answer["stem_var"], ((ConvUnit)network.StemUnits[0]).Norm!.RunningVar);
    }

    [SkippableFact]
    public void Import_TimmNames_SameLogitsAsPyTorch()
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var network = Checkpoint.Import(oracle.At("timm.pth"), "mobilenet_v2");
        var answer = Checkpoint.ReadTensors(oracle.At("timm.answer.pth"));
        Assert.Equal("mobilenet_v2_0.35", network.Spec.Variant);
        PyTorchOracle.AssertClose(answer["logits"], network.Forward(answer["input"]));
    }

    [SkippableFact]
    public void Save_PrunedNetworks_LoadIntoStockClassesWithFewerBlocks()
    {
        Skip.If(oracle.MissingVision is not null, oracle.MissingVision);
        (string File, string Variant, string[] Dropped)[] cases =
        [
            ("resnet34", "resnet34", ["layer1.1", "layer3.4", "layer4.2"]),
            ("resnet50", "resnet50", ["layer2.3", "layer4.1"]),
            ("mobilenet_v2", "mobilenet_v2", ["features.3", "features.8", "features.10", "features.15"]),
            ("cifar_resnet20", "cifar_resnet20", ["layer1.1", "layer1.2", "layer3.1"]),
        ];
        using var guard = torch.no_grad();
        foreach (var (file, variant, dropped) in cases)
        {
            using var whole = Checkpoint.Import(oracle.At(file + ".pth"), variant);
            using var pruned = whole.Apply(dropped.Select(name => new DropBlock(name)));
            Checkpoint.Save(pruned, oracle.At($"pruned.{file}.safetensors"));
        }

        oracle.RunPruned();
        foreach (var (file, _, _) in cases)
        {
            using var scope = torch.NewDisposeScope();
            using var network = Checkpoint.Load(oracle.At($"pruned.{file}.safetensors"));
            var answer = Checkpoint.ReadTensors(oracle.At($"pruned.{file}.answer.pth"));
            PyTorchOracle.AssertClose(answer["logits"], network.Forward(answer["input"]));
        }
    }
}
