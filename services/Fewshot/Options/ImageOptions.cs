using System.CommandLine;
using System.Globalization;
using Fewshot.Imaging;

namespace Fewshot.Cli.Options;

/// <summary>Which images, how many of them, drawn by which seed.</summary>
/// <param name="Samples">Null: all, but not more than <see cref="ImageOptions.UsualSamples"/>.</param>
internal sealed record ImageSettings(string Path, int? Samples, int? SamplesPerClass, ulong Seed, int MaxPixels)
{
    private const string SyntheticPrefix = "synthetic:";

    /// <summary>How many images shall be made out of the network instead: <c>synthetic:N</c>. Null: the path is one.</summary>
    public int? Synthetic => IsSynthetic(Path) && int.TryParse(Path[SyntheticPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    public static bool IsSynthetic(string path) => path.StartsWith(SyntheticPrefix, StringComparison.Ordinal);
}

internal sealed class ImageOptions
{
    /// <summary>The largest set PRACTISE was published with, beyond which more images hardly help.</summary>
    public const int UsualSamples = 500;

    private const int MostSynthetic = 100_000;

    private readonly Option<string?> images;
    private readonly Option<int?> samples = OptionKinds.WholeNumber("--samples", $"how many images to draw with the seed [default: all, at most {UsualSamples}]");
    private readonly Option<int?> samplesPerClass = OptionKinds.WholeNumber("--samples-per-class", "how many images to draw of each class folder");
    private readonly bool sampled, synthesised;

    /// <param name="sampled">Some of the images are drawn.</param>
    /// <param name="synthesised">They may be made out of the network.</param>
    public ImageOptions(string description, bool sampled = true, bool synthesised = false)
    {
        images = OptionKinds.Text("--images", synthesised ? $"{description}; or synthetic:N for N images made out of the network" : description, synthesised ? "DIR|LIST|synthetic:N" : "DIR|LIST");
        images.Required = true;
        (this.sampled, this.synthesised) = (sampled, synthesised);
    }

    public Option<ulong> Seed { get; } = OptionKinds.Seed("seed of every random choice", 2021);

    public Option<int> MaxPixels { get; } = OptionKinds.WholeNumber(
        "--max-image-pixels", "larger images are skipped before they are decoded", 1, ImageLimits.MaxPixels, ImageLimits.MaxPixels);

    public void AddTo(Command command)
    {
        command.Add(images);
        if (sampled)
        {
            command.Add(samples);
            command.Add(samplesPerClass);
            command.Add(Seed);
            command.Validators.Add(result =>
            {
                if (result.GetResult(samples) is { Implicit: false } && result.GetResult(samplesPerClass) is { Implicit: false })
                    result.AddError("--samples and --samples-per-class exclude each other: give one of them");
            });
        }
        command.Add(MaxPixels);
        command.Validators.Add(result =>
        {
            if (result.GetResult(images)?.Tokens is not [.., { Value: var path }] || !ImageSettings.IsSynthetic(path)) return;
            if (!synthesised)
                result.AddError("--images synthetic:N is for 'fewshot compress'; 'fewshot synthesize' makes a folder of such images");
            else if (new ImageSettings(path, null, null, 0, 0).Synthetic is not (>= 1 and <= MostSynthetic))
                result.AddError($"--images synthetic:N takes a whole number from 1 to {MostSynthetic}, not '{path}'");
            else if (new Option[] { samples, samplesPerClass }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } drawn)
                result.AddError($"{drawn.Name} draws from images that are there; with --images synthetic:N, N says how many are made");
        });
    }

    public ImageSettings Read(ParseResult parsed) => new(
        parsed.GetValue(images)!,
        sampled ? parsed.GetValue(samples) : null,
        sampled ? parsed.GetValue(samplesPerClass) : null,
        sampled ? parsed.GetValue(Seed) : 0,
        parsed.GetValue(MaxPixels));
}
