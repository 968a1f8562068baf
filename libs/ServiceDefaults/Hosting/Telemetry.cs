using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Fewshot.ServiceDefaults;

/// <summary>Traces and metrics of steps. Sent by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says so, nowhere otherwise.</summary>
public static class Telemetry
{
    private const string Name = "Fewshot";

    /// <summary>Spans of steps.</summary>
    public static ActivitySource Source { get; } = new(Name);

    private static readonly Meter Meter = new(Name);

    internal static Histogram<double> StepSeconds { get; } = Meter.CreateHistogram<double>("fewshot.step.duration", "s", "Time of a step's work");

    internal static Counter<long> CachedSteps { get; } = Meter.CreateCounter<long>("fewshot.step.cached", "{step}", "Steps found done");

    internal static void AddTelemetry(this WebApplicationBuilder builder)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")))
            return;
        var traces = Sdk.CreateTracerProviderBuilder().AddSource(Name, "Microsoft.AspNetCore").AddOtlpExporter().Build();
        var metrics = Sdk.CreateMeterProviderBuilder().AddMeter(Name, "Microsoft.AspNetCore.Server.Kestrel").AddOtlpExporter().Build();
        // As factories, so that the container disposes them, which sends what is still buffered.
        builder.Services.AddSingleton(_ => traces);
        builder.Services.AddSingleton(_ => metrics);
        builder.Services.AddHostedService(services => new TelemetryFlush(services.GetRequiredService<TracerProvider>(), services.GetRequiredService<MeterProvider>()));
    }

    private sealed class TelemetryFlush(TracerProvider traces, MeterProvider metrics) : Microsoft.Extensions.Hosting.IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            traces.ForceFlush();
            metrics.ForceFlush();
            return Task.CompletedTask;
        }
    }
}
