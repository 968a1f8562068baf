using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fewshot.ServiceDefaults;

/// <summary>Traces and metrics. Sent by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says so, nowhere otherwise.</summary>
public static class Telemetry
{
    /// <summary>Name of the source of spans and of all meters.</summary>
    public const string Name = "Fewshot";

    /// <summary>gRPC's client begins a span around HTTP's: unless both are sent, the trace has a hole.</summary>
    private const string GrpcClient = "Grpc.Net.Client";

    private const string GrpcSpans = "OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_ENABLE_GRPC_INSTRUMENTATION";

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
        // Spans of calls in gRPC's terms (method, status) instead of HTTP's, which calls every failure 200.
        builder.Configuration[GrpcSpans] ??= "true";
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME")))
                    resource.AddService(builder.Environment.ApplicationName);
            })
            .WithTracing(traces => traces
                .AddSource(Name, GrpcClient)
                .AddHttpClientInstrumentation()
                // Probes come by the thousand; nobody wants to see them among the traces.
                .AddAspNetCoreInstrumentation(server => server.Filter = context => !HealthPort.Took(context))
                .AddOtlpExporter())
            .WithMetrics(metrics => metrics
                .AddMeter(Name)
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddOtlpExporter());
    }
}
