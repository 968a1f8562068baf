using System.Collections.Concurrent;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Fewshot.Cli.Output;

/// <summary>Progress bars with the newest metric and the time left, on a terminal.</summary>
internal sealed class LiveProgress : IProgressDisplay
{
    private readonly IAnsiConsole console;
    private readonly TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, ProgressTask> bars = [];
    private readonly ConcurrentDictionary<int, string> news = new();
    private ProgressContext? context;
    private Task drawing = Task.CompletedTask;

    public LiveProgress(IAnsiConsole console) => this.console = console;

    public void Note(string text) => console.MarkupLineInterpolated($"[grey]{text}[/]");

    public void Show(JobEvent happened)
    {
        switch (happened)
        {
            case ProgressEvent progress:
                var bar = Bar(progress.Stage);
                bar.IsIndeterminate = progress.Total == 0;
                if (progress.Total > 0) bar.MaxValue = progress.Total;
                bar.Value = progress.Completed;
                news[bar.Id] = string.Join("  ", ProgressText.Metric(progress), ProgressText.Eta(progress.Eta)).Trim();
                break;
            case StepNews { Done: true } step:
                if (step.Cached) Note(ProgressText.Step(step));
                Fill(step.Name);
                break;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var bar in bars.Values)
            bar.StopTask();
        finished.TrySetResult();
        await drawing;
    }

    private ProgressTask Bar(string stage)
    {
        if (bars.TryGetValue(stage, out var bar)) return bar;
        bar = Context().AddTask(Markup.Escape(stage));
        bars.Add(stage, bar);
        return bar;
    }

    /// <summary>A stage's last progress may have been left out; a group of trials ("trials/0") is a part of its bar only.</summary>
    private void Fill(string step)
    {
        var parts = step.Split('/');
        if (!bars.TryGetValue(parts[0], out var bar) || (parts.Length > 1 && char.IsDigit(parts[1][0]))) return;
        bar.IsIndeterminate = false;
        bar.Value = bar.MaxValue;
    }

    /// <summary>Drawing begins with the first bar, so that notes before it are plain lines.</summary>
    private ProgressContext Context()
    {
        if (context is not null) return context;
        using var started = new ManualResetEventSlim();
        drawing = console.Progress().AutoRefresh(true).AutoClear(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new NewsColumn(news))
            .StartAsync(async progress =>
            {
                context = progress;
                started.Set();
                await finished.Task;
            });
        started.Wait();
        return context!;
    }

    private sealed class NewsColumn(ConcurrentDictionary<int, string> news) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(news.GetValueOrDefault(task.Id, ""));
    }
}
