namespace Fewshot.Artifacts;

/// <summary>How far a step has come. Rates and times left are worked out by whoever shows it.</summary>
/// <param name="Stage">What is being done, such as <c>trials</c>.</param>
/// <param name="Completed">Units done, of <paramref name="Total"/>.</param>
/// <param name="Total">Units in all; 0 while unknown.</param>
/// <param name="MetricName">Name of the newest figure, such as <c>mimic_loss</c>.</param>
/// <param name="Metric">The newest figure.</param>
public sealed record StepProgress(string Stage, long Completed, long Total, string? MetricName = null, double? Metric = null);
