using System.Diagnostics.Metrics;
using Fewshot.Artifacts;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class ImageCountTests
{
    [Fact]
    public void Report_FromTheBeginning_CountsEveryUnit() => Assert.Equal(3 * 16, Count("begin", new ImageCount(new Listener(), 16, resumes: true), 1, 2, 3));

    [Fact]
    public void Report_ResumedInTheMiddle_CountsWhatIsDoneHere() => Assert.Equal(3 * 16, Count("middle", new ImageCount(new Listener(), 16, resumes: true), 201, 202, 203));

    [Fact]
    public void Report_ImagesAreTheUnit_CountsTheFirstBatchToo() => Assert.Equal(100, Count("images", new ImageCount(new Listener(), 1, resumes: false), 64, 100));

    [Fact]
    public void Report_Any_IsPassedOn()
    {
        var heard = new Listener();
        new ImageCount(heard, 4, resumes: true).Report(new StepProgress("passed", 7, 9, "loss", 1));
        Assert.Equal(new StepProgress("passed", 7, 9, "loss", 1), Assert.Single(heard.Heard));
    }

    private static long Count(string stage, ImageCount count, params int[] completed)
    {
        var total = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name && instrument.Name == "fewshot.images")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => total += tags[0].Value is string of && of == stage ? value : 0);
        listener.Start();
        foreach (var units in completed)
            count.Report(new StepProgress(stage, units, 1000));
        return total;
    }
}
