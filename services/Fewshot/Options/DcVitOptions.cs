using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>How small or fast the network shall be: ratios of MACs left (one, or several with <paramref name="Several"/>), or a latency reduction.</summary>
internal sealed record SizeTarget(double[] MacsRatios, bool Several, double? LatencyReduction);

/// <summary>How a compressed network learns; no learning rate: the services derive it from the iterations.</summary>
internal sealed record MimicChoice(
    int Iterations, int BatchSize, double? LearningRate, double WeightDecay, double GradientClip, double WarmupFraction, string Initialization, bool AllBlocks);

internal sealed record DcVitSettings(
    SizeTarget Target,
    bool PaperMacs,
    string[]? Candidates,
    string Metric,
    MimicChoice Training,
    string Feature,
    string Selection,
    bool AtOnce,
    int ExtraBlocks,
    SyntheticImageSettings MetricImages,
    int LatencyBatch,
    int LatencyRuns);

/// <summary>The options of DC-ViT (arXiv 2403.18708); defaults are the paper's, its ablations are options.</summary>
/// <param name="several">Several targets in one job.</param>
internal sealed class DcVitOptions(bool several)
{
    private readonly Option<double[]?> targets = OptionKinds.Fractions("--targets", "shares of the MACs to keep, one network for each, such as 0.9,0.8,0.7");
    private readonly Option<double?> ratio = OptionKinds.Fraction("--macs-ratio", "share of the MACs to keep; the fewest blocks that can do it are compressed");
    private readonly Option<double?> latency = OptionKinds.Fraction("--latency-reduction", "compress until the measured latency is lower by this fraction");
    private readonly Option<string> convention = OptionKinds.Word(
        "--macs-convention", "what counts as MACs: all matrix products, or as the paper's tool counts (layer norms, but not attention's two batched products)", "standard", "standard", "paper");

    private readonly Option<string[]?> candidates = OptionKinds.Names(
        "--candidates", "blocks that may be compressed [default: all but the first and the last; every droppable block of a network without attention]");

    private readonly Option<string> metric = OptionKinds.Word(
        "--metric", "what ranks compressed blocks: cross entropy with the original's predictions on synthesised images, mimic loss on these, or mimic loss on the training images",
        "cross-entropy", "cross-entropy", "mse", "train-loss");

    private readonly Option<int> iterations = OptionKinds.WholeNumber("--iterations", "training iterations of each trial and of each progressive step", 1, 10_000_000, 2000);
    private readonly Option<int> batchSize = OptionKinds.WholeNumber("--batch-size", "images per iteration", 1, 65_536, 64);
    private readonly Option<double?> rate = OptionKinds.Number(
        "--lr", "learning rate of AdamW [default: the paper's 3e-5 for 2000 iterations or more; shorter runs learn faster in proportion, up to 3e-4]", 1e-12, 100);

    private readonly Option<double> weightDecay = OptionKinds.Number("--weight-decay", "weight decay of AdamW", 0, 1, 1e-4);
    private readonly Option<double> clip = OptionKinds.Number("--gradient-clip", "largest norm of all gradients together", 1e-9, 1e9, 1);
    private readonly Option<double> warmup = OptionKinds.Number("--warmup", "share of the iterations in which the learning rate rises (the paper: 20 of 2000 epochs)", 1e-6, 0.9, 0.01);
    private readonly Option<string> initialization = OptionKinds.Word(
        "--init", "weights a narrowed MLP starts from: the original's (the paper), drawn anew, or the original's with the last layer solved by ridge regression to reproduce the block",
        "reused", "reused", "random", "ridge");

    private readonly Option<string> feature = OptionKinds.Word(
        "--feature", "what is mimicked: all tokens after the final norm (the paper; CNNs: the map before pooling), the class token (after pooling), or the output of the last block that trains",
        "all_tokens", "all_tokens", "cls_token", "pre_gap", "post_gap", "last_trained");

    private readonly Option<string> selection = OptionKinds.Word(
        "--selection", "hidden units that stay: drawn with the seed (the paper), or those of the largest mean activation after GELU", "random", "random", "activation");

    private readonly Option<bool> allBlocks = OptionKinds.Flag("--train-all-blocks", "train every block, not only those up to the last compressed one");
    private readonly Option<bool> atOnce = OptionKinds.Flag("--at-once", "compress all chosen blocks together, not one after the other");
    private readonly Option<int> extra = OptionKinds.WholeNumber("--extra-blocks", "compress this many blocks more than the fewest, each less", 0, 1000, 0);
    private readonly SyntheticImageOptions synthetic = new(forMetric: true);
    private readonly LatencyOptions latencyOptions = new();

    public void AddTo(Command command)
    {
        if (several)
        {
            targets.Required = true;
            command.Add(targets);
        }
        else
        {
            command.Add(ratio);
            command.Add(latency);
            command.Validators.Add(result =>
            {
                var given = new Option[] { ratio, latency }.Count(option => result.GetResult(option) is { Implicit: false });
                if (given != 1) result.AddError("say how small or fast: give --macs-ratio or --latency-reduction, one of them");
            });
        }

        foreach (Option option in (Option[])[convention, candidates, metric, iterations, batchSize, rate, weightDecay, clip, warmup, initialization, feature, selection, allBlocks, atOnce, extra])
            command.Add(option);
        synthetic.AddTo(command);
        latencyOptions.AddTo(command);
    }

    public DcVitSettings Read(ParseResult parsed)
    {
        var (batch, runs) = latencyOptions.Read(parsed);
        var target = several
            ? new SizeTarget(parsed.Given(targets)!, Several: true, null)
            : new SizeTarget(parsed.GetValue(ratio) is { } one ? [one] : [], Several: false, parsed.GetValue(latency));
        return new DcVitSettings(
            target,
            parsed.GetValue(convention) == "paper",
            parsed.Given(candidates),
            parsed.GetValue(metric)!,
            new MimicChoice(
                parsed.GetValue(iterations), parsed.GetValue(batchSize), parsed.GetValue(rate), parsed.GetValue(weightDecay), parsed.GetValue(clip), parsed.GetValue(warmup),
                parsed.GetValue(initialization)!, parsed.GetValue(allBlocks)),
            parsed.GetValue(feature)!,
            parsed.GetValue(selection)!,
            parsed.GetValue(atOnce),
            parsed.GetValue(extra),
            synthetic.Read(parsed),
            batch,
            runs);
    }
}
