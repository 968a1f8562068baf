using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Scaling;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway;

/// <summary>
/// What waits, went wrong or came to its end at this gateway. The counters report zeros from the start: a series that appears with its first event
/// hides that event from whoever alerts on an increase.
/// </summary>
public sealed class GatewayMetrics : IDisposable
{
    private static readonly string[] Steps =
    [
        StageSteps.Profile.Stage, StageSteps.RunTrials.Stage, StageSteps.Finetune.Stage, StageSteps.Evaluate.Stage,
        StageSteps.Synthesize.Stage, StageSteps.Train.Stage,
    ];

    private readonly ConcurrentDictionary<string, QueueLoad> queues = new(StringComparer.Ordinal);
    private readonly Meter meter;
    private readonly Tally workers = new("stage", Steps), jobs = new("state", ["succeeded", "failed", "cancelled"]);

    /// <summary>One for each gateway.</summary>
    public GatewayMetrics()
    {
        // The scope tells the counters of several gateways in one process apart.
        meter = new Meter(new MeterOptions(Telemetry.Name) { Scope = this });
        meter.CreateObservableCounter("fewshot.worker.lost", workers.Measure, "{worker}", "Workers that died or fell silent during a step");
        meter.CreateObservableGauge("fewshot.stage.queued", () => Measure(load => load.Queued), "{step}", "Steps that wait for a worker");
        meter.CreateObservableGauge("fewshot.stage.running", () => Measure(load => load.Running), "{step}", "Steps that have a worker");
        meter.CreateObservableCounter("fewshot.job.ended", jobs.Measure, "{job}", "Jobs that ended, by how they did");
    }

    /// <summary>Takes what a queue of this silo counts now; each queue is in one silo, so that the sum over the gateways is right.</summary>
    public void Queue(string queue, QueueLoad load) => queues[queue] = load;

    /// <summary>A worker was lost during a step.</summary>
    /// <param name="stage">What the step is called in progress.</param>
    public void WorkerLost(string stage) => workers.Add(stage);

    /// <summary>A job has ended.</summary>
    /// <param name="state">How, such as <c>failed</c>.</param>
    public void JobEnded(string state) => jobs.Add(state);

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<int>> Measure(Func<QueueLoad, int> what) => StageNames.All.Select(
        stage => new Measurement<int>(what(queues.GetValueOrDefault(StageNames.QueueOf(stage))), new KeyValuePair<string, object?>("stage", stage)));

    private sealed class Tally(string tag, string[] keys)
    {
        private readonly long[] counts = new long[keys.Length];

        public void Add(string key) => Interlocked.Increment(ref counts[Array.IndexOf(keys, key)]);

        public IEnumerable<Measurement<long>> Measure() =>
            keys.Select((key, i) => new Measurement<long>(Volatile.Read(ref counts[i]), new KeyValuePair<string, object?>(tag, key)));
    }
}
