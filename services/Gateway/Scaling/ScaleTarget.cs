using System.Globalization;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Scaling;

/// <summary>What a ScaledObject asks about: a stage, and how many of its steps one worker shall have.</summary>
/// <param name="Stage">The stage's name.</param>
/// <param name="StepsPerWorker">Positive.</param>
public sealed record ScaleTarget(string Stage, double StepsPerWorker)
{
    /// <summary>The metric's name; KEDA puts the trigger's number before it.</summary>
    public string Metric => $"fewshot-{Stage}";

    /// <summary>Reads the metadata of an external trigger: <c>stage</c> and <c>target</c>.</summary>
    /// <exception cref="InvalidFieldException">One of them is wrong.</exception>
    public static ScaleTarget From(IDictionary<string, string> metadata)
    {
        var stage = metadata.TryGetValue("stage", out var name) ? name : "";
        if (!StageNames.All.Contains(stage, StringComparer.Ordinal))
        {
            var wrong = stage.Length == 0 ? "; it is missing" : $", not '{stage}'";
            throw new InvalidFieldException("scalerMetadata.stage", $"must be one of {string.Join(", ", StageNames.All)}{wrong}.");
        }

        if (!metadata.TryGetValue("target", out var text))
            return new ScaleTarget(stage, 1);
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var target) && double.IsFinite(target) && target > 0)
            return new ScaleTarget(stage, target);
        throw new InvalidFieldException("scalerMetadata.target", $"must be a positive number of steps for each worker, not '{text}'.");
    }
}
