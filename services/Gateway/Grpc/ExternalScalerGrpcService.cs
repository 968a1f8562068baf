using Fewshot.Gateway.Scaling;
using Grpc.Core;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Grpc;

/// <summary>What KEDA asks: how many steps of a stage wait or run at the gateways that share a Redis, or at this one alone. Open to all, since KEDA has no tokens; it tells only counts.</summary>
internal sealed class ExternalScalerGrpcService(StageLoads loads, PeerLoads peers, IHostApplicationLifetime lifetime) : ExternalScaler.ExternalScalerBase
{
    private static readonly TimeSpan PeersAgain = TimeSpan.FromSeconds(5);

    public override async Task<IsActiveResponse> IsActive(ScaledObjectRef request, ServerCallContext context) =>
        new() { Result = await peers.DemandAsync(Target(request).Stage, context.CancellationToken) > 0 };

    public override async Task StreamIsActive(ScaledObjectRef request, IServerStreamWriter<IsActiveResponse> responseStream, ServerCallContext context)
    {
        var target = Target(request);
        using var end = EndOf(context);
        bool? told = null;
        while (!end.IsCancellationRequested)
        {
            var changed = target.Gauge.Look().Changed;
            var active = await peers.DemandAsync(target.Stage, context.CancellationToken) > 0;
            if (told != active)
                await responseStream.WriteAsync(new IsActiveResponse { Result = active }, context.CancellationToken);
            told = active;
            // Of its own changes a gateway knows; the others' are asked for.
            await Task.WhenAny(changed, Task.Delay(PeersAgain, end.Token));
        }
    }

    public override Task<GetMetricSpecResponse> GetMetricSpec(ScaledObjectRef request, ServerCallContext context) => Task.FromResult(Spec(Target(request)));

    public override async Task StreamMetricSpec(ScaledObjectRef request, IServerStreamWriter<GetMetricSpecResponse> responseStream, ServerCallContext context)
    {
        using var end = EndOf(context);
        await responseStream.WriteAsync(Spec(Target(request)), context.CancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override async Task<GetMetricsResponse> GetMetrics(GetMetricsRequest request, ServerCallContext context)
    {
        var target = Target(request.ScaledObjectRef ?? new ScaledObjectRef());
        var demand = await peers.DemandAsync(target.Stage, context.CancellationToken);
        return new GetMetricsResponse
        {
            MetricValues = { new MetricValue { MetricName = target.Metric, MetricValue_ = demand, MetricValueFloat = demand } },
        };
    }

    private ScaleTarget Target(ScaledObjectRef scaled) => ScaleTarget.From(scaled.ScalerMetadata, loads);

    private static GetMetricSpecResponse Spec(ScaleTarget target) => new()
    {
        MetricSpecs = { new MetricSpec { MetricName = target.Metric, TargetSize = (long)Math.Ceiling(target.StepsPerWorker), TargetSizeFloat = target.StepsPerWorker } },
    };

    private CancellationTokenSource EndOf(ServerCallContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
}
