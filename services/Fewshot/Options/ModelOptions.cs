using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>Which network, from which file, and what replaces its family's preprocessing.</summary>
internal sealed record ModelSettings(
    string Path,
    string? Architecture,
    int? Heads,
    bool InterpolatePositions,
    double[]? Mean,
    double[]? Std,
    int? Size,
    string? Resize,
    string? Interpolation,
    string? Augmentation);

internal sealed class ModelOptions
{
    private readonly Option<string?> model = OptionKinds.Text("--model", "checkpoint: .safetensors, .pth or .th", "FILE");
    private readonly Option<string?> arch = OptionKinds.Text("--arch", "architecture, as 'fewshot models' lists them; not needed for a file that fewshot wrote", "NAME");
    private readonly Option<int?> heads = OptionKinds.WholeNumber("--heads", "attention heads of a vision transformer of unusual width, which no checkpoint says", 1, 256);
    private readonly Option<bool> interpolate = OptionKinds.Flag("--interpolate-positions", "interpolate the position embeddings of a vision transformer when --size is another than theirs");
    private readonly Option<double[]?> mean = OptionKinds.PerChannel("--mean", "channel means the weights were trained with, on the scale 0..1", positive: false);
    private readonly Option<double[]?> std = OptionKinds.PerChannel("--std", "channel standard deviations the weights were trained with", positive: true);
    private readonly Option<int?> size = OptionKinds.WholeNumber("--size", "side of the square input, pixels", 8, 4096);
    private readonly Option<string?> resize = OptionKinds.Text("--resize", "resize before the centre crop: N (shorter side), NxN (both sides) or 0 (none)", "N|NxN");
    private readonly Option<string?> interpolation = OptionKinds.OptionalWord("--interpolation", "how images are resized", "bilinear", "bicubic");
    private readonly Option<string?> augmentation = OptionKinds.OptionalWord(
        "--augmentation", "how training images are varied", "none", "flip", "padded-crop-flip", "random-resized-crop-flip", "rand-augment");

    public ModelOptions(bool modelRequired = true)
    {
        model.Required = modelRequired;
        resize.Validators.Add(result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "0";
            if (!ResizeRule.TryParse(text, out _)) result.AddError($"--resize takes a number of pixels, NxN or 0, not '{text}'");
        });
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[model, arch, heads, interpolate, mean, std, size, resize, interpolation, augmentation])
            command.Add(option);
    }

    public bool HasModel(ParseResult parsed) => parsed.GetValue(model) is not null;

    public ModelSettings Read(ParseResult parsed) => new(
        parsed.GetValue(model) ?? "",
        parsed.GetValue(arch),
        parsed.GetValue(heads),
        parsed.GetValue(interpolate),
        parsed.Given(mean),
        parsed.Given(std),
        parsed.GetValue(size),
        parsed.GetValue(resize),
        parsed.GetValue(interpolation),
        parsed.GetValue(augmentation));
}

/// <summary>The value of --resize.</summary>
/// <param name="Pixels">Target length; 0 for no resize.</param>
/// <param name="BothSides">Both sides take that length, and the aspect ratio is not kept.</param>
internal readonly record struct ResizeRule(int Pixels, bool BothSides)
{
    public static bool TryParse(string text, out ResizeRule rule)
    {
        var parts = text.Split('x', 'X');
        var good = parts.Length is 1 or 2 && parts.All(part => part == parts[0]);
        good &= int.TryParse(parts[0], System.Globalization.NumberStyles.None, null, out var pixels) && pixels <= 16384;
        rule = new ResizeRule(pixels, parts.Length == 2);
        return good;
    }
}
