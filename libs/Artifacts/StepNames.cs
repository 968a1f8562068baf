namespace Fewshot.Artifacts;

/// <summary>The names under which a step's record and its newest checkpoint are found.</summary>
public static class StepNames
{
    /// <summary>What the names of finished steps' records begin with.</summary>
    public const string Results = "steps/";

    /// <summary>What the names of unfinished steps' checkpoints begin with.</summary>
    public const string Checkpoints = "checkpoints/";

    /// <summary>Whether a name is that of a step's record or checkpoint.</summary>
    public static bool IsOne(string name) =>
        name.StartsWith(Results, StringComparison.Ordinal) || name.StartsWith(Checkpoints, StringComparison.Ordinal);

    /// <summary>The name of a step's record.</summary>
    public static string ResultOf(StepKey key) => Results + key.Hex;

    /// <summary>The name of a step's newest checkpoint.</summary>
    public static string CheckpointOf(StepKey key) => Checkpoints + key.Hex;
}
