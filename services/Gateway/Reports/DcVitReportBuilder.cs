using System.Globalization;
using System.Text.Json.Nodes;
using Fewshot.Gateway.Workflows;
using Fewshot.Planning;

namespace Fewshot.Gateway.Reports;

/// <summary>Gathers what the steps of a DC-ViT job found out and makes the report of it.</summary>
internal sealed class DcVitReportBuilder(DcVitPlan plan, NetworkFacts network, DcVitCandidates candidates, DeviceFacts device)
{
    private const string PaperMacs = "multiply-adds of convolutions, matrix products and layer norms without attention's two batched products, per image";

    public StepLog Steps { get; } = new();

    public AccuracyFacts? Teacher { get; set; }

    /// <summary>Data-free: what was trained on.</summary>
    public SynthesisFacts? TrainingImages
    {
        get;
        init => field = value is null ? null : Steps.Add(value);
    }

    public SynthesisFacts? MetricImages { get; set; }

    public int Samples { get; set; }

    public IReadOnlyList<DcVitTrial> Trials { get; set; } = [];

    public IReadOnlyList<BlockScore> Scores { get; set; } = [];

    public IReadOnlyList<CompressedTarget> Results { get; set; } = [];

    public ProfileFacts? Latency { get; set; }

    public string? ProfileDigest { get; set; }

    public List<string> Notes { get; } = [];

    public byte[] ToJson(double wallSeconds)
    {
        var head = new HeadPart
        {
            Method = plan.IsPareto ? "pareto" : "dcvit",
            Arch = network.Variant,
            Seed = plan.Seed,
            Samples = Samples,
            Criterion = Words.Of(plan.Metric),
            TauSource = null,
            Device = Words.Of(device, plan.LatencyBatch),
            TauDevice = null,
            Teacher = NetworkRow.Of(network, Teacher, Latency?.Original),
        };
        var tail = new TailPart
        {
            MacsConvention = plan.MacsConvention == MacsConvention.Paper ? PaperMacs : Words.StandardMacs,
            Blocks = Blocks(),
            Seconds = Steps.Seconds(wallSeconds),
            Steps = Steps.Rows,
            Artifacts = new ArtifactsRow(plan.Network, plan.Images, plan.Evaluation, ProfileDigest, plan.IsPareto ? null : Results[0].NetworkDigest),
            Notes = [.. Remarks(), .. Notes],
        };
        var method = new DcVitHeadPart(SyntheticRow.Of(MetricImages), SyntheticRow.Of(TrainingImages), DcVitSettingsRow.Of(plan));
        return ReportDocument.ToBytes(plan.IsPareto
            ? ReportDocument.Of(head, method, new { Targets = new JsonArray([.. Results.Select((result, i) => ReportDocument.Of(
                [new TargetPart(((SizeTarget.Macs)result.Chosen.Target).Ratio, result.NetworkDigest), .. Outcome(result, i)]))]) }, tail)
            : ReportDocument.Of([head, .. Outcome(Results[0], 0), method, tail]));
    }

    private IEnumerable<string> Remarks()
    {
        if (candidates.Whole && plan.Selection == HiddenSelection.Activation)
            yield return "Whole blocks were dropped: the selection of hidden units had no effect.";
        else if (plan.Selection == HiddenSelection.Activation && plan.Evaluation is not null)
            yield return "There is no accuracy before finetuning: which hidden units stay was decided by their activations on the training images.";
        if (plan.Targets[0] is SizeTarget.Latency { Reduction: var wanted } && Latency?.Candidates[0].Tau < wanted)
            yield return string.Create(CultureInfo.InvariantCulture, $"A latency reduction of {wanted:P1} was asked and met when the structure was chosen; measured once more, that of the result was {Latency.Candidates[0].Tau:P1}.");
    }

    private object[] Outcome(CompressedTarget result, int index)
    {
        // The mimic loss is that of the last step: losses of steps with different blocks are of different networks.
        var (last, renamed) = (result.Steps[^1], result.Network.Blocks.ToDictionary(block => block.Name, block => block.CheckpointName, StringComparer.Ordinal));
        return
        [
            OutcomePart.Of(network, result.Network, result.Before, last.Accuracy, Latency?.Candidates[index], renamed, last.FirstLoss, last.LastLoss),
            DcVitOutcomePart.Of(result, network, plan.MacsConvention),
        ];
    }

    private CandidateRow[] Blocks()
    {
        var scores = Scores.ToDictionary(score => score.Name, StringComparer.Ordinal);
        var trials = Trials.ToDictionary(trial => trial.Facts.Block, trial => trial.Facts, StringComparer.Ordinal);
        var chosen = Results.SelectMany(result => result.Chosen.Edits).Select(edit => edit.Block).ToHashSet(StringComparer.Ordinal);
        return [.. candidates.Blocks.Select(block =>
        {
            var trial = trials[block.Name];
            var row = BlockRow.Of(block, scores[block.Name], trial: null, dropped: candidates.Whole && chosen.Contains(block.Name));
            // DC-ViT weighs no cost, so there is no tau; the share of the MACs in the score only orders measurements.
            return new CandidateRow(row with { Tau = null, TauStderr = null, DistanceBefore = Finite.Or(trial.FirstLoss) })
            {
                Metric = Finite.Or(trial.Metric),
                FirstLoss = Finite.Or(trial.FirstLoss),
                LastLoss = Finite.Or(trial.LastLoss),
                Chosen = chosen.Contains(block.Name),
            };
        })];
    }
}
