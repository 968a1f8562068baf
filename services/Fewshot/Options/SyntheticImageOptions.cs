using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>Images to be made out of a network.</summary>
/// <param name="Method">Null: what fits the network.</param>
/// <param name="BatchSize">Images optimised together; null: the services' default.</param>
internal sealed record SyntheticImageSettings(int Images, int Iterations, string? Method, int? BatchSize = null);

/// <summary>How a compression synthesises images: to train on with <c>--images synthetic:N</c>, and where candidates are judged on some, for that.</summary>
/// <param name="forMetric">Candidates are judged on synthesised images.</param>
internal sealed class SyntheticImageOptions(bool forMetric)
{
    private readonly Option<int> images = OptionKinds.WholeNumber("--synthetic-images", "how many images to synthesise for the metric", 1, 100_000, 50);
    private readonly Option<int> iterations = OptionKinds.WholeNumber("--synthetic-iterations", "optimisation steps of the synthesised images", 1, 1_000_000, 2000);
    private readonly Option<string?> method = OptionKinds.OptionalWord(
        "--synthetic-method", "how images are synthesised: by the network's outputs and an image prior, or also by its batch-norm statistics [default: deepinversion where there is batch norm]",
        "deepdream", "deepinversion");

    public void AddTo(Command command)
    {
        if (forMetric) command.Add(images);
        command.Add(iterations);
        command.Add(method);
    }

    public SyntheticImageSettings Read(ParseResult parsed) => new(forMetric ? parsed.GetValue(images) : 0, parsed.GetValue(iterations), parsed.GetValue(method));
}
