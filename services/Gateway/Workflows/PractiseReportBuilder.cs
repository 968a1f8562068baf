using Fewshot.Planning;

namespace Fewshot.Gateway.Workflows;

/// <summary>Gathers what the steps found out and makes the report of it.</summary>
internal sealed class PractiseReportBuilder(PractisePlan plan, NetworkFacts network, DeviceFacts device)
{
    public StepResult<AccuracyFacts>? Teacher { get; set; }

    public StepResult<AccuracyFacts>? BeforeFinetune { get; set; }

    public StepResult<AccuracyFacts>? Result { get; set; }

    public List<StepResult<ProfileFacts>> Profiles { get; } = [];

    public List<StepResult<(IReadOnlyList<TrialFacts> Trials, int Images)>> Trials { get; } = [];

    public IReadOnlyList<BlockScore>? Scores { get; set; }

    public IReadOnlyList<string> Dropped { get; set; } = [];

    public StepResult<FinetuneFacts>? Finetune { get; set; }

    public NetworkFacts? ResultNetwork { get; set; }

    public StepResult<ProfileFacts>? Latency { get; set; }

    public DeviceFacts? TauDevice { get; set; }

    public string? ProfileDigest { get; set; }

    public List<string> Notes { get; } = [];

    public byte[] ToJson(double wallSeconds)
    {
        var (tuned, result) = (Finetune!, ResultNetwork!);
        var joint = Latency?.Value.Candidates[0];
        return new PractiseReport
        {
            Arch = network.Variant,
            Seed = plan.Seed,
            Samples = tuned.Value.Images,
            Criterion = Name(plan.Criterion),
            TauSource = Name(plan.Tau),
            Device = Row(device),
            TauDevice = TauDevice is null ? null : Row(TauDevice),
            Teacher = new NetworkRow
            {
                Top1 = Teacher?.Value.Top1,
                Top5 = Teacher?.Value.Top5,
                LatencyUs = Finite(Latency?.Value.Original.MeanUs),
                LatencyP50Us = Finite(Latency?.Value.Original.P50Us),
                LatencyP95Us = Finite(Latency?.Value.Original.P95Us),
                LatencyStderrUs = Finite(Latency?.Value.Original.StderrUs),
                Macs = network.Macs,
                Params = network.Params,
            },
            Result = new ResultRow
            {
                Top1 = Result?.Value.Top1,
                Top5 = Result?.Value.Top5,
                Top1BeforeFinetune = BeforeFinetune?.Value.Top1,
                LatencyUs = Finite(joint?.MeanUs),
                LatencyP50Us = Finite(joint?.P50Us),
                LatencyP95Us = Finite(joint?.P95Us),
                LatencyStderrUs = Finite(joint?.StderrUs),
                Macs = result.Macs,
                Params = result.Params,
            },
            LatencyReduction = Finite(joint?.Tau),
            LatencyReductionStderr = Finite(joint?.TauStderr),
            MacsReduction = (network.Macs - result.Macs) / (double)network.Macs,
            ParamsReduction = (network.Params - result.Params) / (double)network.Params,
            Blocks = Rows(),
            RenamedBlocks = tuned.Value.RenamedBlocks,
            MimicLoss = new LossRow(Finite(tuned.Value.FirstLoss), Finite(tuned.Value.LastLoss)),
            Seconds = Seconds(wallSeconds),
            Steps = Steps(),
            Artifacts = new ArtifactsRow(plan.Network, plan.Images, plan.Evaluation, ProfileDigest ?? plan.LatencyProfile, tuned.Value.NetworkDigest),
            Notes = Notes,
        }.ToJson();
    }

    private BlockRow[] Rows()
    {
        var scores = Scores?.ToDictionary(score => score.Name, StringComparer.Ordinal) ?? [];
        var trials = Trials.SelectMany(step => step.Value.Trials).ToDictionary(trial => trial.Block, StringComparer.Ordinal);
        return [.. network.Droppable.Select(block =>
        {
            var (score, trial) = (scores.GetValueOrDefault(block.Name), trials.GetValueOrDefault(block.Name));
            return new BlockRow
            {
                Name = block.Name,
                Tau = Finite(score?.Tau),
                TauStderr = Finite(score?.TauStderr),
                Recoverability = Finite(score?.Value),
                Score = Finite(score?.Score),
                Dropped = Dropped.Contains(block.Name, StringComparer.Ordinal),
                Rank = score?.Rank,
                DistanceBefore = Finite(trial?.DistanceBefore),
                Macs = block.Macs,
                Params = block.Params,
                Note = score?.Note,
            };
        })];
    }

    private SecondsRow Seconds(double wall)
    {
        var evaluations = new[] { Teacher, BeforeFinetune, Result }.Sum(step => step?.Seconds ?? 0);
        var (profile, trials) = (Profiles.Sum(step => step.Seconds), Trials.Sum(step => step.Seconds));
        return new SecondsRow(profile, trials, Finetune!.Seconds, evaluations, profile + trials + Finetune.Seconds + evaluations, wall);
    }

    private StepRow[] Steps()
    {
        List<StepRow> rows = [];
        void Add<T>(StepResult<T>? step)
        {
            if (step is not null)
                rows.Add(new StepRow(step.Name, step.Key, step.Cached, step.Seconds));
        }

        Add(Teacher);
        foreach (var profile in Profiles.Where(profile => profile.Name == "profile"))
            Add(profile);
        Trials.ForEach(Add);
        foreach (var profile in Profiles.Where(profile => profile.Name is not ("profile" or "profile/result")))
            Add(profile);
        Add(BeforeFinetune);
        Add(Finetune);
        Add(Result);
        Add(Latency);
        return [.. rows];
    }

    private DeviceRow Row(DeviceFacts d) => new(d.Name, d.Runtime, d.Threads, d.Dtype, d.Fingerprint, plan.LatencyBatch);

    private static string Name<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
