using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models.Families;

/// <summary>
/// ResNet for CIFAR (He et al., arXiv 1512.03385, section 4.2): 6n+2 layers, widths 16, 32, 64, and the shortcut without parameters (option A):
/// every second position, zero channels on either side. Names as in the widely used checkpoints: <c>layer{1-3}.{b}</c>, <c>linear</c>.
/// </summary>
internal sealed record CifarResNet : Variant
{
    private const string FamilyName = "cifar_resnet";
    private readonly int depth;

    private CifarResNet(int layers)
        : base($"cifar_resnet{layers}", FamilyName, 10, Preprocessing.Cifar) => depth = (layers - 2) / 6;

    /// <summary>The family's line in the catalog.</summary>
    public static Family Entry { get; } = new(FamilyName,
        [new CifarResNet(20), new CifarResNet(32), new CifarResNet(44), new CifarResNet(56), new CifarResNet(110)]);

    internal override void Compose(NetworkBuilder build)
    {
        build.Stem(new ConvStack([build.Conv("conv1", "conv1", "bn1", 3, 16, kernel: 3, initial: Initial.KaimingFanIn)], Relu));
        long inputs = 16;
        for (var stage = 0; stage < 3; stage++)
        {
            var width = 16L << stage;
            var kept = 0;
            for (var index = 0; index < depth; index++)
            {
                var name = $"layer{stage + 1}.{index}";
                if (build.IsDropped(name, canDrop: index > 0))
                    continue;
                var place = new BlockPlace(name, $"layer{stage + 1}.{kept++}", stage, Droppable: index > 0);
                var stride = stage > 0 && index == 0 ? 2 : 1;
                ConvUnit[] branch =
                [
                    Conv(build, place, 1, inputs, width, stride, StreamRole.Reads),
                    Conv(build, place, 2, width, width, 1, StreamRole.Writes),
                ];
                build.Add(new ResidualBlock(place, branch, Relu, Relu, stride == 1 ? ResidualBlock.Identity : ZeroPad));
                inputs = width;
            }
        }

        build.Classifier("linear", inputs, Initial.KaimingFanIn, Initial.UniformFanIn);
    }

    private static ConvUnit Conv(NetworkBuilder build, BlockPlace place, int number, long inputs, long outputs, long stride, StreamRole role) =>
        build.Conv($"{place.Name}.conv{number}", $"{place.CheckpointName}.conv{number}", $"{place.CheckpointName}.bn{number}",
            inputs, outputs, kernel: 3, stride, groups: 1, role, Initial.KaimingFanIn);

    /// <summary><c>[N, C, H, W] -> [N, 2C, H/2, W/2]</c>: every second row and column, C/2 zero channels before and after.</summary>
    private static Tensor ZeroPad(Tensor x)
    {
        var shape = x.shape;
        var zeros = shape[1] / 2;
        using var rows = x.slice(2, 0, shape[2], 2);
        using var map = rows.slice(3, 0, shape[3], 2);
        return F.pad(map, [0, 0, 0, 0, zeros, zeros]);
    }

    private static void Relu(Tensor map) => map.relu_();
}
