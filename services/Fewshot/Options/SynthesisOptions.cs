using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>The options of <c>fewshot synthesize</c>; defaults are methods.md's.</summary>
internal sealed class SynthesisOptions
{
    private readonly Option<int> images = OptionKinds.WholeNumber("--images", "how many images to make", 1, 100_000, 50);
    private readonly Option<int> iterations = OptionKinds.WholeNumber("--iterations", "optimisation steps of each batch", 1, 1_000_000, 2000);
    private readonly Option<string> method = OptionKinds.Word(
        "--method", "what the pixels follow: the network's outputs and an image prior (deepdream), also its batch-norm statistics (deepinversion), or whichever fits the network",
        "auto", "auto", "deepdream", "deepinversion");

    private readonly Option<int> batchSize = OptionKinds.WholeNumber(
        "--batch-size", "images optimised together, and the unit of work of one worker; another size gives other images", 1, 4096, 50);

    public Option<ulong> Seed { get; } = OptionKinds.Seed("seed of every random choice", 2023);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[images, iterations, method, batchSize, Seed])
            command.Add(option);
    }

    public SyntheticImageSettings Read(ParseResult parsed) => new(
        parsed.GetValue(images), parsed.GetValue(iterations), parsed.GetValue(method) is "auto" ? null : parsed.GetValue(method), parsed.GetValue(batchSize));
}
