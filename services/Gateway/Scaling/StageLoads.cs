using System.Diagnostics.Metrics;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Scaling;

/// <summary>The gauges of the stages that scale on their own, by the name of their Deployment.</summary>
public sealed class StageLoads : IDisposable
{
    private readonly Meter meter = new(Telemetry.Name);

    /// <summary>Latency profilers.</summary>
    public StageGauge Profilers { get; } = new();

    /// <summary>Image synthesizers.</summary>
    public StageGauge Synthesizers { get; } = new();

    /// <summary>Block trial workers.</summary>
    public StageGauge Trials { get; } = new();

    /// <summary>Finetuners.</summary>
    public StageGauge Finetuners { get; } = new();

    /// <summary>All of them.</summary>
    public IReadOnlyDictionary<string, StageGauge> ByName { get; }

    /// <summary>One for each gateway; what it counts is measured, too.</summary>
    public StageLoads()
    {
        ByName = new SortedDictionary<string, StageGauge>(StringComparer.Ordinal)
        {
            ["latency-profiler"] = Profilers,
            ["image-synthesizer"] = Synthesizers,
            ["block-trial"] = Trials,
            ["finetuner"] = Finetuners,
        };
        meter.CreateObservableGauge("fewshot.stage.queued", () => Measure(load => load.Queued), "{step}", "Steps that wait for a worker");
        meter.CreateObservableGauge("fewshot.stage.running", () => Measure(load => load.Running), "{step}", "Steps that have a worker");
    }

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    /// <summary>The gauge of a stage.</summary>
    /// <param name="stage">Its Deployment's name.</param>
    /// <param name="field">What the name came in.</param>
    /// <exception cref="InvalidFieldException">There is no such stage.</exception>
    public StageGauge Of(string? stage, string field) => stage is not null && ByName.TryGetValue(stage, out var gauge)
        ? gauge
        : throw new InvalidFieldException(field, $"must be one of {string.Join(", ", ByName.Keys)}{(string.IsNullOrEmpty(stage) ? "; it is missing" : $", not '{stage}'")}.");

    private IEnumerable<Measurement<int>> Measure(Func<StageLoad, int> what) =>
        ByName.Select(stage => new Measurement<int>(what(stage.Value.Look().Load), new KeyValuePair<string, object?>("stage", stage.Key)));
}
