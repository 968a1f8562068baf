using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Adaptors (PRACTISE, section 3.2): 1x1 convolutions before readers and after writers of the stream.</summary>
public class AdaptorTests
{
    [Theory]
    [InlineData("cifar_resnet20", "layer2.0")]
    [InlineData("resnet50", "layer2.0")]
    [InlineData("resnet50", "layer4.2")]
    [InlineData("mobilenet_v2_0.5", "features.5")]
    public void Forward_AdaptorsSet_EqualsExplicitConvolutionsThenMergesExactly(string name, string blockName)
    {
        using var guard = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var network = ModelCatalog.Build(ModelCatalog.Find(name).Spec(classes: 3), seed: 2);
        Shake(network);
        using var folded = network.Folded();
        foreach (var (images, size) in new[] { (2L, 8L), (1L, 2L) })
        {
            // The small map makes the unit run the adaptors as convolutions, the large one merges them into the weights.
            using var adapted = network.Clone();
            var (block, frozen) = (Find(adapted, blockName), Find(folded, blockName));
            var x = torch.randn([images, block.Units[0].Inputs, size, size], generator: new torch.Generator(5));
            foreach (var (unit, foldedUnit) in block.Units.Cast<ConvUnit>().Zip(frozen.Units))
            {
                var input = torch.randn([images, unit.Inputs, size, size], generator: new torch.Generator(6));
                var before = unit.Reads ? Adaptor(unit.Inputs, 7) : null;
                var after = unit.Writes ? Adaptor(unit.Outputs, 8) : null;
                var explicitly = before is null ? input : torch.nn.functional.conv2d(input, before);
                explicitly = torch.nn.functional.conv2d(explicitly, unit.Weight, strides: [unit.Stride], padding: [unit.Padding], groups: unit.Groups);
                explicitly = after is null ? explicitly : torch.nn.functional.conv2d(explicitly, after);
                explicitly = torch.nn.functional.batch_norm(explicitly, unit.Norm!.RunningMean, unit.Norm.RunningVar, unit.Norm.Weight, unit.Norm.Bias);
                (unit.AdaptorBefore, unit.AdaptorAfter) = (foldedUnit.AdaptorBefore, foldedUnit.AdaptorAfter) = (before, after);
                PyTorchOracle.AssertClose(explicitly, unit.Forward(input));
                PyTorchOracle.AssertClose(explicitly, foldedUnit.Forward(input));
            }

            var expected = block.Forward(x);
            PyTorchOracle.AssertClose(expected, frozen.Forward(x));
            foreach (var unit in block.Units)
                unit.MergeAdaptors();
            PyTorchOracle.AssertClose(expected, block.Forward(x), 2e-5);
            foreach (var unit in frozen.Units)
                unit.AdaptorBefore = unit.AdaptorAfter = null;
        }
    }

    [Fact]
    public void Backward_FoldedUnit_GradientsAreThoseOfTheUnfoldedOne()
    {
        using var scope = torch.NewDisposeScope();
        using var network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec(), seed: 2);
        using (torch.no_grad())
            Shake(network);
        network.RequiresGrad(false);
        using var folded = network.Folded();
        var x = torch.randn([4, 16, 8, 8], generator: new torch.Generator(5));
        var gradients = new List<torch.Tensor>();
        foreach (var subject in new[] { network, folded })
        {
            var units = subject.Blocks[1].Units;
            var (before, after) = (Adaptor(16, 7).requires_grad_(), Adaptor(16, 8).requires_grad_());
            (units[0].AdaptorBefore, units[1].AdaptorAfter) = (before, after);
            subject.Blocks[1].Forward(x).square().mean().backward();
            gradients.AddRange([before.grad!, after.grad!]);
        }

        Assert.True(gradients[0].abs().max().item<float>() > 0.01);
        PyTorchOracle.AssertClose(gradients[0], gradients[2], 1e-5);
        PyTorchOracle.AssertClose(gradients[1], gradients[3], 1e-5);
    }

    [Fact]
    public void Forward_Adapted_LeavesOneTensorAlive()
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec(), seed: 2);
        using var before = Adaptor(16, 1);
        using var x = torch.randn(2, 16, 8, 8);
        var unit = network.Blocks[1].Units[0];
        (unit.AdaptorBefore, unit.AdaptorAfter) = (before, before);
        var count = LiveTensors.Settled();
        using var output = unit.Forward(x);
        Assert.Equal(count + 1, LiveTensors.Count);
    }

    [Fact]
    public void MergeAdaptors_FoldedOrSavedWithAdaptors_IsRefused()
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("cifar_resnet20").Spec());
        using var folded = network.Folded();
        using var adaptor = Adaptor(16, 1);
        network.Blocks[1].Units[0].AdaptorBefore = adaptor;
        Assert.Throws<InvalidOperationException>(() => folded.Blocks[1].Units[0].MergeAdaptors());
        Assert.Throws<InvalidOperationException>(() => Checkpoint.Save(network, Stream.Null));
        Assert.Throws<InvalidOperationException>(() => folded.Training = true);
    }

    [Theory]
    [InlineData("resnet34", "layer2.0", "conv1:Reads conv2:Writes downsample:Reads, Writes")]
    [InlineData("resnet34", "layer1.1", "conv1:Reads conv2:Writes")]
    [InlineData("resnet50", "layer1.0", "conv1:Reads conv2:None conv3:Writes downsample:Reads, Writes")]
    [InlineData("cifar_resnet20", "layer3.0", "conv1:Reads conv2:Writes")]
    [InlineData("mobilenet_v2_0.5", "features.1", "conv.0.0:None conv.1:Writes")]
    [InlineData("mobilenet_v2_0.5", "features.4", "conv.0.0:Reads conv.1.0:None conv.2:Writes")]
    public void Units_OfABlock_HaveThePapersRoles(string name, string block, string roles)
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find(name).Spec(classes: 2));
        Assert.Equal(roles, string.Join(' ', Find(network, block).Units.Select(unit => $"{unit.Name[(block.Length + 1)..]}:{unit.Role}")));
        Assert.All(network.StemUnits, unit => Assert.Equal(StreamRole.None, unit.Role));
        Assert.All(network.TailUnits, unit => Assert.True(unit.Reads));
    }

    private static Block Find(Network network, string name) => network.Blocks.Single(block => block.Name == name);

    private static torch.Tensor Adaptor(long channels, ulong seed) =>
        (torch.eye(channels) + torch.randn([channels, channels], generator: new torch.Generator(seed)).mul_(0.1)).view(channels, channels, 1, 1);

    /// <summary>Norms that are not the identity.</summary>
    private static void Shake(Network network)
    {
        ulong seed = 100;
        foreach (var norm in network.Blocks.SelectMany(block => block.Units).Select(unit => ((ConvUnit)unit).Norm!))
        {
            using var generator = new torch.Generator(seed++);
            norm.Weight.uniform_(0.5, 1.5, generator);
            norm.Bias.normal_(0, 0.2, generator);
            norm.RunningMean.normal_(0, 0.2, generator);
            norm.RunningVar.uniform_(0.5, 1.5, generator);
        }
    }
}
