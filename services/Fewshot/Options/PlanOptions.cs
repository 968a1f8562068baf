using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>What a plan is asked for.</summary>
internal sealed record PlanSettings(bool PaperMacs, double? MacsRatio, double Step, int ExtraBlocks, string[]? Candidates);

internal sealed class PlanOptions
{
    private readonly Option<string> convention = OptionKinds.Word("--macs-convention", "what counts as MACs: all matrix products, or as DC-ViT's tool counts", "standard", "standard", "paper");
    private readonly Option<double?> ratio = OptionKinds.Fraction("--macs-ratio", "only the structure for this ratio of MACs left");
    private readonly Option<double> step = OptionKinds.Number("--step", "distance between the ratios of the table", 0.001, 0.5, 0.05);
    private readonly Option<int> extra = OptionKinds.WholeNumber("--extra-blocks", "compress this many blocks more than the fewest, each less", 0, 1000, 0);
    private readonly Option<string[]?> candidates = OptionKinds.Names("--candidates", "blocks that may be compressed or dropped [default: all but the first and the last; all droppable ones where whole blocks go]");

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[convention, ratio, step, extra, candidates])
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(ratio) is { Implicit: false } && result.GetResult(step) is { Implicit: false })
                result.AddError("--macs-ratio and --step exclude each other");
        });
    }

    public PlanSettings Read(ParseResult parsed) => new(
        parsed.GetValue(convention) == "paper", parsed.GetValue(ratio), parsed.GetValue(step), parsed.GetValue(extra), parsed.Given(candidates));
}
