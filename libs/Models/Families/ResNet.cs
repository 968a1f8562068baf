using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models.Families;

/// <summary>
/// ResNet for ImageNet (He et al., arXiv 1512.03385, table 1), names and stride placement as in torchvision and timm: the stride of a bottleneck
/// is on its 3x3 convolution. Blocks <c>layer{1-4}.{b}</c>; droppable are all but the first of a stage.
/// </summary>
internal sealed record ResNet : Variant
{
    private const string FamilyName = "resnet";
    private readonly int[] depths;
    private readonly bool bottleneck;

    private ResNet(int layers, bool bottleneck, int[] depths)
        : base($"resnet{layers}", FamilyName, 1000, Preprocessing.ImageNet) => (this.bottleneck, this.depths) = (bottleneck, depths);

    /// <summary>The family's line in the catalog.</summary>
    public static Family Entry { get; } = new(FamilyName,
    [
        new ResNet(18, bottleneck: false, [2, 2, 2, 2]),
        new ResNet(34, bottleneck: false, [3, 4, 6, 3]),
        new ResNet(50, bottleneck: true, [3, 4, 6, 3]),
        new ResNet(101, bottleneck: true, [3, 4, 23, 3]),
        new ResNet(152, bottleneck: true, [3, 8, 36, 3]),
    ]);

    internal override void Compose(NetworkBuilder build)
    {
        build.Stem(new ResNetStem(build.Conv("conv1", "conv1", "bn1", 3, 64, kernel: 7, stride: 2)));
        long inputs = 64;
        for (var stage = 0; stage < depths.Length; stage++)
        {
            var width = 64L << stage;
            var kept = 0;
            for (var index = 0; index < depths[stage]; index++)
            {
                var name = $"layer{stage + 1}.{index}";
                if (build.IsDropped(name, canDrop: index > 0))
                    continue;
                var place = new BlockPlace(name, $"layer{stage + 1}.{kept++}", stage, Droppable: index > 0);
                var block = Block(build, place, inputs, width, stride: stage > 0 && index == 0 ? 2 : 1);
                build.Add(block);
                inputs = bottleneck ? 4 * width : width;
            }
        }

        build.Classifier("fc", inputs, Initial.UniformFanIn, Initial.UniformFanIn);
    }

    private ResidualBlock Block(NetworkBuilder build, BlockPlace place, long inputs, long width, long stride)
    {
        ConvUnit Conv(int number, long from, long to, long kernel, long step, StreamRole role) =>
            build.Conv($"{place.Name}.conv{number}", $"{place.CheckpointName}.conv{number}", $"{place.CheckpointName}.bn{number}", from, to, kernel, step, 1, role);

        var outputs = bottleneck ? 4 * width : width;
        ConvUnit[] branch = bottleneck
            ? [Conv(1, inputs, width, 1, 1, StreamRole.Reads), Conv(2, width, width, 3, stride, StreamRole.None), Conv(3, width, outputs, 1, 1, StreamRole.Writes)]
            : [Conv(1, inputs, width, 3, stride, StreamRole.Reads), Conv(2, width, width, 3, 1, StreamRole.Writes)];
        if (stride == 1 && inputs == outputs)
            return new ResidualBlock(place, branch, Relu, Relu, ResidualBlock.Identity);
        var shortcut = build.Conv(
            $"{place.Name}.downsample", $"{place.CheckpointName}.downsample.0", $"{place.CheckpointName}.downsample.1",
            inputs, outputs, kernel: 1, stride, groups: 1, StreamRole.Reads | StreamRole.Writes);
        return new ResidualBlock(place, branch, Relu, Relu, shortcut.Forward, shortcut);
    }

    private static void Relu(Tensor map) => map.relu_();

    /// <summary>Convolution, ReLU, 3x3 max pooling of stride 2.</summary>
    private sealed class ResNetStem(ConvUnit conv) : Section
    {
        internal override IReadOnlyList<Layer> Layers { get; } = [conv];

        public override Tensor Forward(Tensor x)
        {
            using var map = conv.Forward(x);
            map.relu_();
            return F.max_pool2d(map, 3, 2, 1);
        }

        internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
        {
            var (macs, output) = conv.Cost(input);
            return (macs, output.After(kernel: 3, stride: 2, padding: 1));
        }
    }
}
