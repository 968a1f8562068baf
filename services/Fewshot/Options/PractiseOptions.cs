using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>How much to take away; exactly one is set.</summary>
internal sealed record DropTarget(int? Count, double? LatencyReduction, double? MacsReduction, double? ParamsReduction, string[]? Blocks);

/// <summary>SGD settings of one training.</summary>
internal sealed record OptimizerChoice(int Iterations, int BatchSize, double LearningRate, double Momentum, double WeightDecay);

internal sealed record PractiseSettings(
    DropTarget Target,
    string Criterion,
    string Tau,
    string? LatencyProfile,
    int TrialIterations,
    double TrialLearningRate,
    bool RidgeStart,
    OptimizerChoice Finetune,
    string Feature,
    int LatencyBatch,
    int LatencyRuns);

/// <summary>The options of PRACTISE; defaults are the paper's.</summary>
internal sealed class PractiseOptions
{
    private readonly Option<int?> drop = OptionKinds.WholeNumber("--drop", "drop this many blocks");
    private readonly Option<double?> latency = OptionKinds.Fraction("--latency-reduction", "drop the fewest blocks whose measured joint latency is lower by this fraction");
    private readonly Option<double?> macs = OptionKinds.Fraction("--macs-reduction", "drop the fewest blocks that save this fraction of the MACs");
    private readonly Option<double?> parameters = OptionKinds.Fraction("--params-reduction", "drop the fewest blocks that save this fraction of the parameters");
    private readonly Option<string[]?> blocks = OptionKinds.Names("--blocks", "drop exactly these blocks");
    private readonly Option<string> criterion = CriterionOption();
    private readonly Option<string> tau = OptionKinds.Word("--tau", "what a block's cost is: latency measured now, or MACs (then a run repeats to the byte)", "measured", "measured", "macs");
    private readonly Option<string?> profile = OptionKinds.Text("--latency-profile", "take latencies from a file that 'fewshot profile --out' wrote on the target device", "FILE");
    private readonly Option<int> trialIterations = OptionKinds.WholeNumber("--trial-iterations", "training iterations of each trial", 1, 1_000_000, 1000);
    private readonly Option<double> trialRate = OptionKinds.LearningRate("--trial-lr", "learning rate of the trials", 0.02);
    private readonly Option<string> trialInit = OptionKinds.Word(
        "--trial-init", "what a trial's adaptors start from: the identity, as published, or a ridge regression that reproduces the dropped block on the images", "identity", "identity", "ridge");
    private readonly OptimizerOptions finetune = new("--finetune-iterations", "training iterations of the final finetune", 2000, 0.02);
    private readonly Option<string> feature = FeatureOption();
    private readonly LatencyOptions latencyOptions = new();

    public static Option<string> CriterionOption() => OptionKinds.Word(
        "--criterion", "how blocks are judged", "practise", "practise", "curl", "l2", "eps-resnet", "first", "random");

    public static Option<string> FeatureOption() =>
        OptionKinds.Word("--feature", "what is mimicked: the map before or after global average pooling", "pre_gap", "pre_gap", "post_gap");

    public void AddTo(Command command)
    {
        Option[] targets = [drop, latency, macs, parameters, blocks];
        foreach (var option in targets)
            command.Add(option);
        foreach (Option option in (Option[])[criterion, tau, profile, trialIterations, trialRate, trialInit])
            command.Add(option);
        finetune.AddTo(command);
        command.Add(feature);
        latencyOptions.AddTo(command);
        command.Validators.Add(result =>
        {
            var given = targets.Where(option => result.GetResult(option) is { Implicit: false }).Select(option => option.Name).ToArray();
            var all = string.Join(", ", targets.Select(option => option.Name));
            if (given.Length == 0) result.AddError($"say how much to drop: one of {all}");
            if (given.Length > 1) result.AddError($"{string.Join(" and ", given)} exclude each other: give one of {all}");
            if (result.GetResult(profile) is { Implicit: false } && result.GetValue(tau) == "macs")
                result.AddError("--latency-profile and --tau macs exclude each other");
        });
    }

    public PractiseSettings Read(ParseResult parsed)
    {
        var (batch, runs) = latencyOptions.Read(parsed);
        return new PractiseSettings(
            new DropTarget(parsed.GetValue(drop), parsed.GetValue(latency), parsed.GetValue(macs), parsed.GetValue(parameters), parsed.Given(blocks)),
            parsed.GetValue(criterion)!,
            parsed.GetValue(tau)!,
            parsed.GetValue(profile),
            parsed.GetValue(trialIterations),
            parsed.GetValue(trialRate),
            parsed.GetValue(trialInit) == "ridge",
            finetune.Read(parsed),
            parsed.GetValue(feature)!,
            batch,
            runs);
    }
}

internal sealed class OptimizerOptions(string iterationsName, string iterationsDescription, int iterations, double learningRate)
{
    private readonly Option<int> iterations = OptionKinds.WholeNumber(iterationsName, iterationsDescription, 1, 10_000_000, iterations);
    private readonly Option<int> batchSize = OptionKinds.WholeNumber("--batch-size", "images per iteration", 1, 65_536, 64);
    private readonly Option<double> rate = OptionKinds.LearningRate("--lr", "learning rate", learningRate);
    private readonly Option<double> momentum = OptionKinds.Number("--momentum", "momentum of SGD", 0, 0.9999, 0.9);
    private readonly Option<double> weightDecay = OptionKinds.Number("--weight-decay", "weight decay of SGD", 0, 1, 1e-4);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[iterations, batchSize, rate, momentum, weightDecay])
            command.Add(option);
    }

    /// <summary>The learning rate was not left to its default.</summary>
    public bool HasRate(ParseResult parsed) => parsed.GetResult(rate) is { Implicit: false };

    public OptimizerChoice Read(ParseResult parsed) => new(
        parsed.GetValue(iterations), parsed.GetValue(batchSize), parsed.GetValue(rate), parsed.GetValue(momentum), parsed.GetValue(weightDecay));
}

internal sealed class LatencyOptions
{
    private readonly Option<int> batch = OptionKinds.WholeNumber("--latency-batch", "images per timed forward pass", 1, 65_536, 64);
    private readonly Option<int> runs = OptionKinds.WholeNumber("--latency-runs", "timed forward passes of each network, fewer (from 10 on) once a minute has passed", 2, 100_000, 50);

    public void AddTo(Command command)
    {
        command.Add(batch);
        command.Add(runs);
    }

    public (int Batch, int Runs) Read(ParseResult parsed) => (parsed.GetValue(batch), parsed.GetValue(runs));
}

/// <summary>How single trials are run.</summary>
internal sealed record TrialChoice(string Criterion, OptimizerChoice Optimizer, string Feature);
