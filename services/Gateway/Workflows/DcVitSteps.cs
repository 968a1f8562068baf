using System.Globalization;
using Fewshot.Planning;

namespace Fewshot.Gateway.Workflows;

/// <summary>A candidate that was tried alone, and the step that tried it.</summary>
public sealed record DcVitTrial(BlockEdit Edit, CompressionFacts Facts, string Step);

/// <summary>A target and what is done for it.</summary>
/// <param name="Name">Among all targets: the ratio, or <c>result</c> where there is one target only.</param>
/// <param name="Target">What was asked for.</param>
/// <param name="Structure">Null where whole blocks go.</param>
/// <param name="Edits">In the order of compressing.</param>
public sealed record ChosenTarget(string Name, SizeTarget Target, CompressedStructure? Structure, IReadOnlyList<BlockEdit> Edits)
{
    /// <summary>A ratio as file and step names have it: 0.9 is <c>0.90</c>.</summary>
    public static string RatioName(double ratio) => ratio.ToString("0.00####", CultureInfo.InvariantCulture);
}

/// <summary>The network after one progressive step.</summary>
/// <param name="Blocks">What was compressed in it.</param>
/// <param name="Accuracy">Null without labeled images.</param>
/// <param name="FirstLoss">Mimic loss before the step's training.</param>
/// <param name="LastLoss">And after.</param>
/// <param name="Seconds">Of training; null where a trial's network was taken, which cost nothing more.</param>
/// <param name="Step">The step that made the network.</param>
/// <param name="NetworkDigest">The network.</param>
public sealed record ProgressiveFacts(
    IReadOnlyList<string> Blocks, AccuracyFacts? Accuracy, double FirstLoss, double LastLoss, double? Seconds, string Step, string NetworkDigest);

/// <summary>A target that was reached.</summary>
/// <param name="Before">Accuracy with all blocks compressed and nothing trained; null without labeled images, or where nothing but training tells which hidden units stay.</param>
/// <param name="Steps">One after the other, at least one.</param>
/// <param name="Network">What came out.</param>
public sealed record CompressedTarget(ChosenTarget Chosen, AccuracyFacts? Before, IReadOnlyList<ProgressiveFacts> Steps, NetworkFacts Network)
{
    /// <summary>The result.</summary>
    public string NetworkDigest => Steps[^1].NetworkDigest;
}
