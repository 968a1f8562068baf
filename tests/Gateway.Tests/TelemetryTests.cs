using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Scaling;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

public sealed class TelemetryTests
{
    [Fact]
    public async Task Job_Trace_GoesThroughTheWorkersAndIsNamedByTheJob()
    {
        using var spans = new Spans();
        await using var rig = new GatewayRig();
        await using var worker = await rig.StartWorkerAsync(rig.Stages);
        await rig.StartAsync(options => options.Finetuners.Add(GatewayRig.AddressOf(worker)));
        var job = await rig.EndOfAsync((await rig.StartAsync("traced", await rig.SpecAsync())).Id);
        Assert.Equal(JobState.Succeeded, job.State);

        var trace = spans.Of(JobTrace.IdOf(job.Id));
        var root = trace.Single(span => span.DisplayName == "job practise");
        Assert.Equal(job.Id, root.GetTagItem("fewshot.job.id"));
        var asked = trace.Single(span => span.DisplayName == "finetune" && span.ParentSpanId == root.SpanId);
        // The worker got the trace with the call, not from this process, and the work is below the call.
        var served = trace.Single(span => span.Source.Name == "Microsoft.AspNetCore" && span.GetTagItem("grpc.method") is "/fewshot.finetuning.v1.FinetunerService/Finetune");
        Assert.True(served.HasRemoteParent);
        Assert.Equal("0", served.GetTagItem("grpc.status_code"));
        var sent = trace.Single(span => span.SpanId == served.ParentSpanId);
        var called = trace.Single(span => span.SpanId == sent.ParentSpanId);
        Assert.Equal(("System.Net.Http", "Grpc.Net.Client", asked.SpanId), (sent.Source.Name, called.Source.Name, called.ParentSpanId));
        var work = trace.Single(span => span.DisplayName == "finetune" && span.ParentSpanId == served.SpanId);
        Assert.Equal(asked.GetTagItem("fewshot.step.key"), work.GetTagItem("fewshot.step.key"));
        Assert.Equal(false, asked.GetTagItem("fewshot.step.cached"));
    }

    [Fact]
    public async Task Job_TakenOver_GoesOnWithItsTrace()
    {
        using var spans = new Spans();
        await using var rig = new GatewayRig();
        await rig.StartAsync();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage == "finetune" && entered.TrySetResult())
                context.Stop.WaitHandle.WaitOne();
        };
        var id = (await rig.StartAsync("taken-over", await rig.SpecAsync())).Id;
        await entered.Task;
        await rig.StopAsync();
        await rig.StartAsync();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(id)).State);
        Assert.Equal(2, spans.Of(JobTrace.IdOf(id)).Count(span => span.DisplayName == "job practise"));
    }

    [Fact]
    public void Gauges_QueuedAndRunning_AreMeasuredByStage()
    {
        using var metrics = new GatewayMetrics();
        var seen = new Dictionary<(string, object?), int>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name && instrument.Name.StartsWith("fewshot.stage.", StringComparison.Ordinal))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        // Other tests' gateways measure, too; here alone seven wait.
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => seen[(instrument.Name, tags[0].Value)] = Math.Max(value, seen.GetValueOrDefault((instrument.Name, tags[0].Value))));
        listener.Start();
        metrics.Queue(StageNames.QueueOf(StageNames.Synthesizers), new QueueLoad(Queued: 7, Running: 1));
        listener.RecordObservableInstruments();
        Assert.Equal((7, 1), (seen[("fewshot.stage.queued", "image-synthesizer")], seen[("fewshot.stage.running", "image-synthesizer")]));
        Assert.Equal(4, seen.Keys.Count(key => key.Item1 == "fewshot.stage.queued"));
    }

    [Fact]
    public async Task Counters_LostWorkersAndEndedJobs_StartAtZeroAndGrow()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var metrics = rig.Services.GetRequiredService<GatewayMetrics>();
        var seen = new Dictionary<(string, object?), long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, metrics))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen[(instrument.Name, tags[0].Value)] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(9, seen.Count);
        Assert.All(seen.Values, value => Assert.Equal(0, value));

        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune")
                throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        Assert.Equal(JobState.Failed, (await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id)).State);
        listener.RecordObservableInstruments();
        Assert.Equal((3, 1, 0), (
            seen[("fewshot.worker.lost", "finetune")], seen[("fewshot.job.ended", "failed")], seen[("fewshot.job.ended", "succeeded")]));
    }

    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentBag<Activity> ended = [];
        private readonly ActivityListener listener;

        public Spans()
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name is Telemetry.Name or "Grpc.Net.Client" or "Microsoft.AspNetCore" or "System.Net.Http",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = ended.Add,
            };
            ActivitySource.AddActivityListener(listener);
        }

        public IReadOnlyList<Activity> Of(ActivityTraceId trace) => [.. ended.Where(span => span.TraceId == trace)];

        public void Dispose() => listener.Dispose();
    }
}
