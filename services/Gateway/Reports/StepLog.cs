using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>The steps of a job, in the order of the method.</summary>
internal sealed class StepLog
{
    private readonly List<StepRow> rows = [];

    public IReadOnlyList<StepRow> Rows => rows;

    /// <summary>Takes a step down and hands it on.</summary>
    public StepResult<T> Add<T>(StepResult<T> step)
    {
        rows.Add(new StepRow(step.Name, step.Key, step.Cached, step.Seconds));
        return step;
    }

    /// <summary>Takes down the steps of a synthesis.</summary>
    public SynthesisFacts Add(SynthesisFacts made)
    {
        foreach (var shard in made.Shards)
            Add(shard);
        return made;
    }

    /// <summary>Takes down what went on beside other steps.</summary>
    public void Add(StepLog others) => rows.AddRange(others.rows);

    /// <summary>What each stage took; a step that served twice is counted once.</summary>
    public SecondsRow Seconds(double wall)
    {
        var stages = rows.DistinctBy(row => row.Key).ToLookup(row => row.Name.Split('/')[0], row => row.Seconds, StringComparer.Ordinal);
        double Of(string stage) => stages[stage].Sum();
        return new SecondsRow(Of("profile"), Of("synthesize"), Of("trials"), Of("finetune"), Of("evaluate"), stages.Sum(stage => stage.Sum()), wall);
    }
}
