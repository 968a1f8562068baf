namespace Fewshot.Gateway.Scaling;

/// <summary>The stages that scale on their own, by the names of their Deployments.</summary>
public static class StageNames
{
    /// <summary>A stage's name, for <see cref="QueueOf"/> and scalers.</summary>
    public const string Profilers = "latency-profiler", Synthesizers = "image-synthesizer", Trials = "block-trial", Finetuners = "finetuner";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Trials, Finetuners, Synthesizers, Profilers];

    /// <summary>The queue of a stage.</summary>
    public static string QueueOf(string stage) => "stage/" + stage;
}
