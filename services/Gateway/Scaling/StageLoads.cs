using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fewshot.Gateway.Queues;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Scaling;

/// <summary>The stages that scale on their own, by the names of their Deployments, and what the queues that this silo holds count for them.</summary>
public sealed class StageLoads : IDisposable
{
    /// <summary>A stage's name, for <see cref="QueueOf"/> and scalers.</summary>
    public const string Profilers = "latency-profiler", Synthesizers = "image-synthesizer", Trials = "block-trial", Finetuners = "finetuner";

    private readonly Meter meter = new(Telemetry.Name);
    private readonly ConcurrentDictionary<string, QueueLoad> loads = new(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> Names { get; } = [Trials, Finetuners, Synthesizers, Profilers];

    /// <summary>One for each gateway.</summary>
    public StageLoads()
    {
        meter.CreateObservableGauge("fewshot.stage.queued", () => Measure(load => load.Queued), "{step}", "Steps that wait for a worker");
        meter.CreateObservableGauge("fewshot.stage.running", () => Measure(load => load.Running), "{step}", "Steps that have a worker");
    }

    /// <summary>The queue of a stage.</summary>
    public static string QueueOf(string stage) => "stage/" + stage;

    /// <summary>Takes what a queue of this silo counts now; those of other silos are measured there.</summary>
    public void Report(string queue, QueueLoad load) => loads[queue] = load;

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<int>> Measure(Func<QueueLoad, int> what) =>
        Names.Select(stage => new Measurement<int>(what(loads.GetValueOrDefault(QueueOf(stage))), new KeyValuePair<string, object?>("stage", stage)));
}
