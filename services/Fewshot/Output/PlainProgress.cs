using System.Diagnostics;

namespace Fewshot.Cli.Output;

/// <summary>Plain lines for logs and pipes: at most one every few seconds for each stage, and the last of each.</summary>
internal sealed class PlainProgress(TextWriter output) : IProgressDisplay
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly Dictionary<string, long> shown = [];

    public void Note(string text) => output.WriteLine(text);

    public void Show(JobEvent happened)
    {
        switch (happened)
        {
            case ProgressEvent progress when IsDue(progress):
                shown[progress.Stage] = Stopwatch.GetTimestamp();
                output.WriteLine(ProgressText.Line(progress));
                break;
            case StepNews { Done: true } step:
                output.WriteLine(ProgressText.Step(step));
                break;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool IsDue(ProgressEvent progress) =>
        !shown.TryGetValue(progress.Stage, out var last)
        || (progress.Total > 0 && progress.Completed >= progress.Total)
        || Stopwatch.GetElapsedTime(last) >= Interval;
}

/// <summary>No progress at all; what the user must know still appears.</summary>
internal sealed class QuietProgress : IProgressDisplay
{
    public void Note(string text)
    {
    }

    public void Show(JobEvent happened)
    {
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

internal static class ProgressText
{
    public static string Line(ProgressEvent progress)
    {
        if (progress is { Completed: 0, Total: 0 }) return $"{progress.Stage}  starting";
        var share = progress.Total > 0 ? $"{progress.Completed}/{progress.Total} {100.0 * progress.Completed / progress.Total,3:0}%" : $"{progress.Completed}";
        return string.Join("  ", new[] { progress.Stage, share, Metric(progress), Eta(progress.Eta) }.Where(part => part.Length > 0));
    }

    public static string Step(StepNews step) => step.Cached ? $"{step.Name}: done before" : $"{step.Name}: done in {step.Seconds:0.0} s";

    public static string Metric(ProgressEvent progress) => progress.MetricName.Length == 0 ? "" : $"{progress.MetricName} {progress.Metric:0.####}";

    public static string Eta(TimeSpan? eta) => eta switch
    {
        null => "",
        { TotalSeconds: < 1 } => "",
        { TotalSeconds: < 60 } some => $"{some.TotalSeconds:0} s left",
        { TotalHours: < 1 } some => $"{(int)some.TotalMinutes} min {some.Seconds:00} s left",
        { } some => $"{(int)some.TotalHours} h {some.Minutes:00} min left",
    };
}
