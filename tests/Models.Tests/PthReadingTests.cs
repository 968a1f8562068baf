using System.Text.Json;
using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>What PyTorch saves, in both of its formats.</summary>
[Collection(OracleCollection.Name)]
public class PthReadingTests(PyTorchOracle oracle)
{
    [SkippableTheory]
    [InlineData("pickles.zip.pth")]
    [InlineData("pickles.legacy.pth")]
    [InlineData("wrapped.zip.pth")]
    [InlineData("wrapped.legacy.pth")]
    public void ReadTensors_StridesSharedStoragesAndDtypes_ValuesAsInPyTorch(string file)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        using var scope = torch.NewDisposeScope();
        var tensors = Checkpoint.ReadTensors(oracle.At(file));
        using var expected = JsonDocument.Parse(File.ReadAllText(oracle.At("pickles.json")));
        Assert.Equal(expected.RootElement.EnumerateObject().Select(item => item.Name).Order(StringComparer.Ordinal), tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var item in expected.RootElement.EnumerateObject())
        {
            var tensor = tensors[item.Name];
            Assert.Equal(item.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()), tensor.shape);
            // TorchSharp's accessor cannot list the elements of an empty tensor.
            double[] values = tensor.numel() == 0 ? [] : tensor.to(torch.float64).data<double>().ToArray();
            Assert.Equal(item.Value.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()), values);
        }
    }

    [SkippableTheory]
    [InlineData("zip")]
    [InlineData("legacy")]
    public void Import_PrefixesAndWrappers_AreOpened(string format)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        using var network = Checkpoint.Import(oracle.At($"prefixed.{format}.pth"), "cifar_resnet20");
        Assert.Equal(9, network.Blocks.Count);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Import(oracle.At($"model.{format}.pth"), "cifar_resnet20"));
        Assert.Contains("missing (layer1.1.conv1.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("no variant", error.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("module.zip.pth")]
    [InlineData("module.legacy.pth")]
    public void ReadTensors_WholePickledModule_IsRefusedByTheGlobalsName(string file)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.ReadTensors(oracle.At(file)));
        Assert.Contains("'torch.nn.modules.linear.Linear'", error.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("pickles.zip.pth")]
    [InlineData("pickles.legacy.pth")]
    public void ReadTensors_CutAnywhere_SaysTruncated(string file)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        var whole = File.ReadAllBytes(oracle.At(file));
        for (var length = 20; length < whole.Length; length += 97)
        {
            var error = Assert.Throws<CheckpointException>(() => MutationTests.ReadAndDispose(oracle.Folder, whole.AsSpan(0, length)));
            Assert.Contains("truncated", error.Message, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [InlineData("tiny.zip.pth", 4000)]
    [InlineData("tiny.legacy.pth", 4000)]
    [InlineData("pickles.zip.pth", 1000)]
    [InlineData("pickles.legacy.pth", 1000)]
    public void ReadTensors_MutatedBytes_OnlyCheckpointException(string file, int mutations)
    {
        Skip.If(oracle.Missing is not null, oracle.Missing);
        MutationTests.Mutate(oracle.Folder, File.ReadAllBytes(oracle.At(file)), mutations, seed: 2021);
    }
}
