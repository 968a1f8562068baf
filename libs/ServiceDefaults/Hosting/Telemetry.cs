using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fewshot.ServiceDefaults;

/// <summary>Traces and metrics. Sent by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says so, nowhere otherwise.</summary>
public static class Telemetry
{
    /// <summary>Name of the source of spans and of all meters.</summary>
    public const string Name = "Fewshot";

    private static readonly Meter Meter = new(Name);

    /// <summary>Spans of jobs and steps. Calls between services carry W3C's <c>traceparent</c>, which HTTP's own client and server write and read.</summary>
    public static ActivitySource Source { get; } = new(Name);

    internal static Histogram<double> StepSeconds { get; } = Meter.CreateHistogram<double>("fewshot.step.duration", "s", "Time of a step's work");

    internal static Counter<long> Images { get; } = Meter.CreateCounter<long>("fewshot.images", "{image}", "Images that steps went through; its rate is images a second");

    private static Counter<long> CachedSteps { get; } = Meter.CreateCounter<long>("fewshot.step.cached", "{step}", "Steps found done");

    /// <summary>A step was asked for and found done.</summary>
    public static void StepCached(string stage) => CachedSteps.Add(1, new KeyValuePair<string, object?>("stage", stage));

    /// <summary>Names what went wrong in a span.</summary>
    public static void Failed(this Activity? span, Exception e) => span?.SetStatus(ActivityStatusCode.Error, e.GetType().Name);

    internal static void AddTelemetry(this WebApplicationBuilder builder)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")))
            return;
        void Describe(ResourceBuilder resource)
        {
            if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME")))
                resource.AddService(builder.Environment.ApplicationName);
        }

        var traces = Sdk.CreateTracerProviderBuilder().ConfigureResource(Describe).AddSource(Name, "Microsoft.AspNetCore", "System.Net.Http").AddOtlpExporter().Build();
        var metrics = Sdk.CreateMeterProviderBuilder().ConfigureResource(Describe).AddMeter(Name, "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime").AddOtlpExporter().Build();
        // As factories, so that the container disposes them, which sends what is still buffered.
        builder.Services.AddSingleton(_ => traces);
        builder.Services.AddSingleton(_ => metrics);
        builder.Services.AddHostedService(services => new TelemetryFlush(services.GetRequiredService<TracerProvider>(), services.GetRequiredService<MeterProvider>()));
    }

    private sealed class TelemetryFlush(TracerProvider traces, MeterProvider metrics) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        /// <summary>After the server: the last calls' spans end with it.</summary>
        public Task StoppedAsync(CancellationToken cancellationToken)
        {
            traces.ForceFlush(5000);
            metrics.ForceFlush(5000);
            return Task.CompletedTask;
        }
    }
}
