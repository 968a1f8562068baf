using Fewshot.Artifacts;
using Fewshot.Stages.V1;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class ProgressPumpTests
{
    [Fact]
    public async Task PumpAsync_SilentWork_StillWrites()
    {
        using var pump = new ProgressPump("trials", new FewshotOptions { ProgressInterval = TimeSpan.FromMilliseconds(1), ProgressHeartbeat = TimeSpan.FromMilliseconds(5) });
        var work = new TaskCompletionSource();
        var written = new List<Progress>();
        await pump.PumpAsync(work.Task, progress =>
        {
            written.Add(progress);
            if (written.Count == 3)
                work.SetResult();
            return Task.CompletedTask;
        });
        Assert.Equal(3, written.Count);
        Assert.All(written, progress => Assert.Equal(("trials", 0L), (progress.Stage, progress.Total)));
    }

    [Fact]
    public async Task PumpAsync_WorkIsDone_WritesNothing()
    {
        using var pump = new ProgressPump("trials", new FewshotOptions());
        await pump.PumpAsync(Task.CompletedTask, _ => throw new InvalidOperationException());
    }

    [Fact]
    public async Task PumpAsync_FastWork_WritesTheNewestOnly()
    {
        using var pump = new ProgressPump("trials", new FewshotOptions { ProgressInterval = TimeSpan.FromMilliseconds(1), ProgressHeartbeat = TimeSpan.FromSeconds(30) });
        var work = new TaskCompletionSource();
        for (var i = 1; i <= 1000; i++)
            pump.Report(new StepProgress("trials", i, 1000, "loss", 1.0 / i));
        var written = new List<Progress>();
        await pump.PumpAsync(work.Task, progress =>
        {
            written.Add(progress);
            work.SetResult();
            return Task.CompletedTask;
        });
        var only = Assert.Single(written);
        Assert.Equal((1000, 1000, "loss", 0.001), (only.Completed, only.Total, only.MetricName, only.Metric));
        Assert.Equal(TimeSpan.Zero, only.Eta.ToTimeSpan());
    }

    [Fact]
    public void Current_SecondReport_HasTimeLeft()
    {
        using var pump = new ProgressPump("trials", new FewshotOptions());
        Assert.Null(pump.Current().Eta);
        pump.Report(new StepProgress("trials", 500, 1000));
        Assert.Null(pump.Current().Eta);
        pump.Report(new StepProgress("trials", 501, 1000));
        Assert.True(pump.Current().Eta.ToTimeSpan() > TimeSpan.Zero);
    }
}
