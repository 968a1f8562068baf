using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>Which images, how many of them, drawn by which seed.</summary>
/// <param name="Samples">Null: all, but not more than <see cref="ImageOptions.UsualSamples"/>.</param>
internal sealed record ImageSettings(string Path, int? Samples, int? SamplesPerClass, ulong Seed, long MaxPixels);

internal sealed class ImageOptions
{
    /// <summary>The largest set PRACTISE was published with, beyond which more images hardly help.</summary>
    public const int UsualSamples = 500;

    private readonly Option<string?> images;
    private readonly Option<int?> samples = OptionKinds.WholeNumber("--samples", $"how many images to draw with the seed [default: all, at most {UsualSamples}]");
    private readonly Option<int?> samplesPerClass = OptionKinds.WholeNumber("--samples-per-class", "how many images to draw of each class folder");
    private readonly bool sampled;

    public ImageOptions(string description, bool sampled = true)
    {
        images = OptionKinds.Text("--images", description, "DIR|LIST");
        images.Required = true;
        this.sampled = sampled;
    }

    public Option<ulong> Seed { get; } = OptionKinds.Seed("seed of every random choice", 2021);

    public Option<long> MaxPixels { get; } = OptionKinds.WholeNumber("--max-image-pixels", "larger images are skipped before they are decoded", 1L, 50_000_000L);

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
    }

    public ImageSettings Read(ParseResult parsed) => new(
        parsed.GetValue(images)!,
        sampled ? parsed.GetValue(samples) : null,
        sampled ? parsed.GetValue(samplesPerClass) : null,
        sampled ? parsed.GetValue(Seed) : 0,
        parsed.GetValue(MaxPixels));
}
