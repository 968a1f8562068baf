using Fewshot.Gateway.Workflows;
using Fewshot.Planning;

namespace Fewshot.Gateway.Reports;

/// <summary>Gathers what the steps of a PRACTISE job found out and makes the report of it.</summary>
internal sealed class PractiseReportBuilder(PractisePlan plan, NetworkFacts network, DeviceFacts device)
{
    public StepLog Steps { get; } = new();

    /// <summary>Data-free: what was trained on.</summary>
    public SynthesisFacts? TrainingImages
    {
        get;
        init => field = value is null ? null : Steps.Add(value);
    }

    public AccuracyFacts? Teacher { get; set; }

    public AccuracyFacts? BeforeFinetune { get; set; }

    public AccuracyFacts? Result { get; set; }

    public IReadOnlyList<TrialFacts> Trials { get; set; } = [];

    public IReadOnlyList<BlockScore> Scores { get; set; } = [];

    public IReadOnlyList<string> Dropped { get; set; } = [];

    public FinetuneFacts? Finetune { get; set; }

    public NetworkFacts? ResultNetwork { get; set; }

    public ProfileFacts? Latency { get; set; }

    public DeviceFacts? TauDevice { get; set; }

    public string? ProfileDigest { get; set; }

    public List<string> Notes { get; } = [];

    public byte[] ToJson(double wallSeconds)
    {
        var tuned = Finetune!;
        var head = new HeadPart
        {
            Method = "practise",
            Arch = network.Variant,
            Seed = plan.Seed,
            Samples = tuned.Images,
            Criterion = Words.Of(plan.Criterion),
            TauSource = Words.Of(plan.Tau),
            Device = Words.Of(device, plan.LatencyBatch),
            TauDevice = TauDevice is null ? null : Words.Of(TauDevice, plan.LatencyBatch),
            Teacher = NetworkRow.Of(network, Teacher, Latency?.Original),
        };
        var outcome = OutcomePart.Of(network, ResultNetwork!, BeforeFinetune, Result, Latency?.Candidates[0], tuned.RenamedBlocks, tuned.FirstLoss, tuned.LastLoss);
        var tail = new TailPart
        {
            MacsConvention = Words.StandardMacs,
            Blocks = Blocks(),
            Seconds = Steps.Seconds(wallSeconds),
            Steps = Steps.Rows,
            Artifacts = new ArtifactsRow(plan.Network, plan.Images, plan.Evaluation, ProfileDigest ?? plan.LatencyProfile, tuned.NetworkDigest),
            Notes = Notes,
        };
        return ReportDocument.ToBytes(ReportDocument.Of(head, outcome, new { Synthetic = SyntheticRow.Of(TrainingImages) }, tail));
    }

    private BlockRow[] Blocks()
    {
        var scores = Scores.ToDictionary(score => score.Name, StringComparer.Ordinal);
        var trials = Trials.ToDictionary(trial => trial.Block, StringComparer.Ordinal);
        return [.. network.Droppable.Select(block => BlockRow.Of(
            block, scores.GetValueOrDefault(block.Name), trials.GetValueOrDefault(block.Name), Dropped.Contains(block.Name, StringComparer.Ordinal)))];
    }
}
