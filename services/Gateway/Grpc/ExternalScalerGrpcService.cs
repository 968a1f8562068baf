using Fewshot.Gateway.Scaling;
using Grpc.Core;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Grpc;

/// <summary>What KEDA asks: how many steps of a stage wait or run at this gateway. Open to all, since KEDA has no tokens; it tells only counts.</summary>
internal sealed class ExternalScalerGrpcService(StageLoads loads, IHostApplicationLifetime lifetime) : ExternalScaler.ExternalScalerBase
{
    public override Task<IsActiveResponse> IsActive(ScaledObjectRef request, ServerCallContext context) =>
        Task.FromResult(new IsActiveResponse { Result = Target(request).Gauge.Look().Load.Demand > 0 });

    public override async Task StreamIsActive(ScaledObjectRef request, IServerStreamWriter<IsActiveResponse> responseStream, ServerCallContext context)
    {
        var gauge = Target(request).Gauge;
        using var end = EndOf(context);
        bool? told = null;
        while (!end.IsCancellationRequested)
        {
            var (load, changed) = gauge.Look();
            if (told != load.Demand > 0)
                await responseStream.WriteAsync(new IsActiveResponse { Result = load.Demand > 0 }, context.CancellationToken);
            told = load.Demand > 0;
            await changed.WaitAsync(end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override Task<GetMetricSpecResponse> GetMetricSpec(ScaledObjectRef request, ServerCallContext context) => Task.FromResult(Spec(Target(request)));

    public override async Task StreamMetricSpec(ScaledObjectRef request, IServerStreamWriter<GetMetricSpecResponse> responseStream, ServerCallContext context)
    {
        using var end = EndOf(context);
        await responseStream.WriteAsync(Spec(Target(request)), context.CancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override Task<GetMetricsResponse> GetMetrics(GetMetricsRequest request, ServerCallContext context)
    {
        var target = Target(request.ScaledObjectRef ?? new ScaledObjectRef());
        var demand = target.Gauge.Look().Load.Demand;
        return Task.FromResult(new GetMetricsResponse
        {
            MetricValues = { new MetricValue { MetricName = target.Metric, MetricValue_ = demand, MetricValueFloat = demand } },
        });
    }

    private ScaleTarget Target(ScaledObjectRef scaled) => ScaleTarget.From(scaled.ScalerMetadata, loads);

    private static GetMetricSpecResponse Spec(ScaleTarget target) => new()
    {
        MetricSpecs = { new MetricSpec { MetricName = target.Metric, TargetSize = (long)Math.Ceiling(target.StepsPerWorker), TargetSizeFloat = target.StepsPerWorker } },
    };

    private CancellationTokenSource EndOf(ServerCallContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
}
