using System.Globalization;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models.Families;

/// <summary>
/// MobileNetV2 (Sandler et al., arXiv 1801.04381, table 2) of any width, names as in torchvision: <c>features.0</c> stem, <c>features.1</c> to
/// <c>features.17</c> blocks, <c>features.18</c> tail. A block reads the stream with its expansion convolution and writes it with its linear
/// projection; a stage is a run of blocks with identity shortcuts and the block before them. The CIFAR form keeps the 32x32 resolution through
/// stem and first down-sampling (both of stride 1), so that the last map is 4x4. Dropout before the classifier is left out.
/// </summary>
internal sealed partial record MobileNetV2 : Variant
{
    private const string FamilyName = "mobilenet_v2";

    /// <summary>Expansion t, channels c, repeats n, stride s of the paper's table.</summary>
    private static readonly (int Expansion, int Channels, int Repeats, int Stride)[] Rows =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    /// <summary>Widths with published weights first: a small head cannot always tell neighbouring widths apart.</summary>
    private static readonly double[] Widths =
        [.. new[] { 1.0, 0.5, 0.75, 0.35, 1.4, 1.1, 1.2, 0.25, 0.1 }.Concat(Enumerable.Range(2, 79).Select(step => step * 0.05)).Select(width => Math.Round(width, 3)).Distinct()];

    private readonly bool cifar;
    private readonly double width;

    private MobileNetV2(bool cifar, double width)
        : base(NameOf(cifar, width), FamilyName, cifar ? 10 : 1000, cifar ? Preprocessing.Cifar : Preprocessing.ImageNet) =>
        (this.cifar, this.width) = (cifar, width);

    /// <summary>The family's line in the catalog.</summary>
    public static Family Entry { get; } = new(FamilyName,
        [new MobileNetV2(cifar: false, 1), new MobileNetV2(cifar: false, 0.75), new MobileNetV2(cifar: false, 0.5), new MobileNetV2(cifar: false, 1.4), new MobileNetV2(cifar: true, 1)],
        Parse);

    internal override void Compose(NetworkBuilder build)
    {
        var inputs = Rounded(32);
        build.Stem(new ConvStack([build.Conv("features.0", "features.0.0", "features.0.1", 3, inputs, kernel: 3, stride: cifar ? 1 : 2)], Relu6));
        var (index, kept, stage) = (0, 0, -1);
        foreach (var (expansion, channels, repeats, rowStride) in Rows)
        {
            var outputs = Rounded(channels);
            for (var repeat = 0; repeat < repeats; repeat++)
            {
                var stride = repeat > 0 || (cifar && channels == 24) ? 1 : rowStride;
                var identity = stride == 1 && inputs == outputs;
                var name = $"features.{++index}";
                if (!identity)
                    stage++;
                if (build.IsDropped(name, canDrop: identity))
                    continue;
                var place = new BlockPlace(name, $"features.{++kept}", stage, Droppable: identity);
                build.Add(new ResidualBlock(
                    place, Branch(build, place, inputs, outputs, expansion, stride), Relu6, last: null, identity ? ResidualBlock.Identity : null));
                inputs = outputs;
            }
        }

        var features = width > 1 ? Rounded(1280) : 1280;
        var tail = $"features.{kept + 1}";
        build.Tail(new ConvStack([build.Conv("features.18", $"{tail}.0", $"{tail}.1", inputs, features, kernel: 1, role: StreamRole.Reads)], Relu6));
        build.Classifier("classifier.1", features, Initial.Normal001, Initial.Zeros);
    }

    /// <summary>timm's names: <c>conv_stem</c>, <c>blocks.{row}.{repeat}.conv_pw</c>, <c>conv_head</c>, <c>classifier</c>.</summary>
    internal override string Translate(string key)
    {
        var dot = key.LastIndexOf('.');
        if (dot < 0)
            return key;
        var (layer, leaf) = (key[..dot], key[dot..]);
        var translated = layer switch
        {
            "conv_stem" => "features.0.0",
            "bn1" => "features.0.1",
            "conv_head" => "features.18.0",
            "bn2" => "features.18.1",
            "classifier" => "classifier.1",
            _ => TimmBlock().Match(layer) is { Success: true } match ? BlockLayer(match) : null,
        };
        return translated is null ? key : translated + leaf;
    }

    internal override IEnumerable<Variant> Relatives() => [this, .. Widths.Where(other => other != width).Select(other => new MobileNetV2(cifar, other))];

    private static ConvUnit[] Branch(NetworkBuilder build, BlockPlace place, long inputs, long outputs, int expansion, long stride)
    {
        var hidden = inputs * expansion;
        var units = new List<ConvUnit>();

        ConvUnit Conv(string norm, long from, long to, long kernel, long step, long groups, StreamRole role)
        {
            // The linear projection and its norm are direct children of conv; the others are pairs of their own.
            var paired = role != StreamRole.Writes;
            var conv = paired ? $"{units.Count}.0" : $"{units.Count}";
            return build.Conv(
                $"{place.Name}.conv.{conv}", $"{place.CheckpointName}.conv.{conv}",
                $"{place.CheckpointName}.conv.{(paired ? $"{units.Count}.1" : norm)}", from, to, kernel, step, groups, role);
        }

        if (expansion != 1)
            units.Add(Conv(string.Empty, inputs, hidden, 1, 1, 1, StreamRole.Reads));
        units.Add(Conv(string.Empty, hidden, hidden, 3, stride, hidden, StreamRole.None));
        units.Add(Conv($"{units.Count + 1}", hidden, outputs, 1, 1, 1, StreamRole.Writes));
        return [.. units];
    }

    private static string? BlockLayer(Match match)
    {
        var (row, repeat) = (int.Parse(match.Groups["row"].Value, CultureInfo.InvariantCulture), int.Parse(match.Groups["repeat"].Value, CultureInfo.InvariantCulture));
        if (row >= Rows.Length || repeat >= Rows[row].Repeats)
            return null;
        var block = $"features.{Rows.Take(row).Sum(other => other.Repeats) + repeat + 1}.conv";
        return (row == 0, match.Groups["layer"].Value) switch
        {
            (true, "conv_dw") => $"{block}.0.0",
            (true, "bn1") => $"{block}.0.1",
            (true, "conv_pw") => $"{block}.1",
            (true, "bn2") => $"{block}.2",
            (false, "conv_pw") => $"{block}.0.0",
            (false, "bn1") => $"{block}.0.1",
            (false, "conv_dw") => $"{block}.1.0",
            (false, "bn2") => $"{block}.1.1",
            (false, "conv_pwl") => $"{block}.2",
            (false, "bn3") => $"{block}.3",
            _ => null,
        };
    }

    private static MobileNetV2? Parse(string name)
    {
        var match = WidthName().Match(name);
        return match.Success && double.TryParse(match.Groups["width"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var width) && width is >= 0.05 and <= 4
            ? new MobileNetV2(match.Groups["cifar"].Success, width)
            : null;
    }

    private static string NameOf(bool cifar, double width) =>
        (cifar ? "cifar_mobilenet_v2" : "mobilenet_v2") + (width == 1 ? string.Empty : "_" + width.ToString("0.###", CultureInfo.InvariantCulture));

    /// <summary>The nearest multiple of 8, at least 8 and at least 90 % of the exact width: the rounding of the reference implementations.</summary>
    private long Rounded(int channels)
    {
        var exact = channels * width;
        var rounded = Math.Max(8, (long)(exact + 4) / 8 * 8);
        return rounded < 0.9 * exact ? rounded + 8 : rounded;
    }

    private static void Relu6(Tensor map) => F.hardtanh(map, 0, 6, inplace: true).Dispose();

    [GeneratedRegex(@"^(?<cifar>cifar_)?mobilenet_v2_(?<width>\d{1,2}(\.\d{1,3})?)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WidthName();

    [GeneratedRegex(@"^blocks\.(?<row>\d)\.(?<repeat>\d)\.(?<layer>conv_pw|conv_dw|conv_pwl|bn1|bn2|bn3)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TimmBlock();
}
