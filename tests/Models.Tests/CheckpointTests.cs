using System.Text;
using Fewshot.Artifacts.Safetensors;
using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Files that are sound as files but not what was expected.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-checkpoints-").FullName;
    private readonly Network network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec(classes: 7), seed: 4);

    private string File1 => Path.Combine(folder, "network.safetensors");

    [Theory]
    [InlineData("F64", 8)]
    [InlineData("F16", 2)]
    [InlineData("BF16", 2)]
    public void Import_ForeignSafetensorsOfAnyFloat_IsReadAsFloat32WithItsClassCount(string dtype, int size)
    {
        var type = dtype switch { "F64" => torch.float64, "F16" => torch.float16, _ => torch.bfloat16 };
        WriteForeign(network.State().Select(item => (item.Name, dtype, item.Value.to(type))));
        using var read = Checkpoint.Import(File1, "cifar_resnet20");
        Assert.Equal(7, read.Spec.Classes);
        Assert.Equal(read.Spec, Checkpoint.Identify(File1, "cifar_resnet20"));
        Assert.All(read.State(), item => Assert.Equal(torch.float32, item.Value.dtype));
        PyTorchOracle.AssertClose(network.Classifier.Weight, read.Classifier.Weight, size == 8 ? 0 : 1e-2);
    }

    [Fact]
    public void Import_PreprocessingOverride_IsPartOfTheNetwork()
    {
        WriteForeign(network.State().Select(item => (item.Name, "F32", item.Value)));
        var half = Preprocessing.Cifar with { Mean = [0.5, 0.5, 0.5], Std = [0.5, 0.5, 0.5] };
        using var read = Checkpoint.Import(File1, "cifar_resnet20", new ImportOptions(_ => half));
        Checkpoint.Save(read, File1);
        Assert.Equal(half, Checkpoint.ReadSpec(File1)!.Preprocessing);
    }

    [Theory]
    [InlineData("cifar_resnet20", "layer2.1.bn1.running_var", "1 missing (layer2.1.bn1.running_var)")]
    [InlineData("cifar_resnet32", "none", "missing (layer1.3.conv1.weight;")]
    [InlineData("resnet18", "none", "unexpected (")]
    public void Import_KeysThatDoNotFit_AreNamed(string variant, string without, string message)
    {
        WriteForeign(network.State().Where(item => item.Name != without).Select(item => (item.Name, "F32", item.Value)));
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Import(File1, variant));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Throws<CheckpointException>(() => Checkpoint.Identify(File1, variant)).Message);
        Assert.Contains(without == "none" ? "They fit cifar_resnet20." : "They fit no variant", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_OtherShape_NamesBothShapes()
    {
        WriteForeign(network.State().Select(item => (item.Name, "F32", item.Name == "conv1.weight" ? torch.zeros(16, 3, 5, 5) : item.Value)));
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Import(File1, "cifar_resnet20"));
        Assert.Contains("1 different (conv1.weight: file [16,3,5,5], network [16,3,3,3])", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Import_WeightsThatAreNotFinite_NamesTheTensor(float value)
    {
        using (torch.no_grad())
            network.Blocks[4].Units[1].Weight.view(-1).narrow(0, 5, 1).fill_(value);
        Checkpoint.Save(network, File1);
        var before = LiveTensors.Settled();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Load(File1));
        Assert.Contains("'layer2.1.conv2.weight' has weights that are not finite", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void Load_ForeignFile_AsksForImport()
    {
        WriteForeign(network.State().Select(item => (item.Name, "F32", item.Value)));
        Assert.Null(Checkpoint.ReadSpec(File1));
        Assert.Contains("does not describe its network", Assert.Throws<CheckpointException>(() => Checkpoint.Load(File1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_OwnPrunedFile_IsReadAsItDescribesItself()
    {
        using var pruned = network.Apply([new DropBlock("layer2.2")]);
        Checkpoint.Save(pruned, File1);
        using var read = Checkpoint.Import(File1, "cifar_resnet20");
        Assert.Equal(pruned.Spec, read.Spec);
        Assert.Contains("describes itself as cifar_resnet20", Assert.Throws<CheckpointException>(() => Checkpoint.Import(File1, "resnet18")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_DescriptionOfAnotherNetwork_IsRefused()
    {
        Checkpoint.Save(network, File1);
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(File1));
        foreach (var (good, bad) in new[] { ("cifar_resnet20", "cifar_resnet32"), ("cifar_resnet20", "cifar_resnet21"), ("classes\\\":7", "classes\\\":8"), ("\\\"edits\\\":[]", "\\\"edicts\\\":[") })
        {
            Assert.Contains(good, text, StringComparison.Ordinal);
            File.WriteAllBytes(File1, Encoding.Latin1.GetBytes(text.Replace(good, bad, StringComparison.Ordinal)));
            Assert.ThrowsAny<ModelException>(() => Checkpoint.Load(File1));
        }
    }

    [Fact]
    public void Load_CutFile_SaysTruncated()
    {
        Checkpoint.Save(network, File1);
        var whole = File.ReadAllBytes(File1);
        File.WriteAllBytes(File1, whole[..^100]);
        Assert.Contains("truncated", Assert.Throws<CheckpointException>(() => Checkpoint.Load(File1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_FolderMissingOrFolded_LeavesNothingBehind()
    {
        Assert.ThrowsAny<IOException>(() => Checkpoint.Save(network, Path.Combine(folder, "missing", "network.safetensors")));
        using var folded = network.Folded();
        Assert.Throws<InvalidOperationException>(() => Checkpoint.Save(folded, File1));
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void Save_CountersAndMetadata_AreThoseOfStockFiles()
    {
        ((ConvUnit)network.Blocks[0].Units[0]).Norm!.BatchesTracked = 1234;
        Checkpoint.Save(network, File1);
        using var read = Checkpoint.Load(File1);
        Assert.Equal(1234, ((ConvUnit)read.Blocks[0].Units[0]).Norm!.BatchesTracked);
        using var file = File.OpenRead(File1);
        var header = SafetensorsHeader.Read(file, SafetensorsLimits.Service);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Contains(header.Entries, entry => entry is { Name: "layer1.0.bn1.num_batches_tracked", Dtype: "I64", Shape.Count: 0 });
        Assert.Equal("conv1.weight", header.Entries[0].Name);
    }

    public void Dispose()
    {
        network.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private void WriteForeign(IEnumerable<(string Name, string Dtype, torch.Tensor Value)> tensors)
    {
        var rows = tensors.ToList();
        using var file = File.Create(File1);
        SafetensorsHeader.Write(file, rows.Select(row => (row.Name, row.Dtype, row.Value.shape)), new Dictionary<string, string>());
        foreach (var (_, _, value) in rows)
            file.Write(value.detach().contiguous().bytes);
    }
}
