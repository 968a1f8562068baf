using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Scaling;
using Grpc.Core;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Grpc;

/// <summary>
/// What KEDA asks: how many steps of a stage wait or run in the whole cluster. Open to all, since KEDA has no tokens; it tells only counts.
/// </summary>
internal sealed class ExternalScalerGrpcService(GrainCalls grains, IHostApplicationLifetime lifetime) : ExternalScaler.ExternalScalerBase
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(5);

    public override async Task<IsActiveResponse> IsActive(ScaledObjectRef request, ServerCallContext context) =>
        new() { Result = (await LoadAsync(ScaleTarget.From(request.ScalerMetadata), known: null, context.CancellationToken)).Demand > 0 };

    public override async Task StreamIsActive(ScaledObjectRef request, IServerStreamWriter<IsActiveResponse> responseStream, ServerCallContext context)
    {
        var target = ScaleTarget.From(request.ScalerMetadata);
        using var end = EndOf(context);
        QueueLoad? known = null;
        try
        {
            while (!end.IsCancellationRequested)
            {
                var load = await LoadAsync(target, known, end.Token);
                if (known is null || (known.Value.Demand > 0) != (load.Demand > 0))
                    await responseStream.WriteAsync(new IsActiveResponse { Result = load.Demand > 0 }, end.Token);
                known = load;
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // KEDA asks the next gateway.
        }
    }

    public override Task<GetMetricSpecResponse> GetMetricSpec(ScaledObjectRef request, ServerCallContext context) => Task.FromResult(Spec(ScaleTarget.From(request.ScalerMetadata)));

    public override async Task StreamMetricSpec(ScaledObjectRef request, IServerStreamWriter<GetMetricSpecResponse> responseStream, ServerCallContext context)
    {
        using var end = EndOf(context);
        await responseStream.WriteAsync(Spec(ScaleTarget.From(request.ScalerMetadata)), context.CancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override async Task<GetMetricsResponse> GetMetrics(GetMetricsRequest request, ServerCallContext context)
    {
        var target = ScaleTarget.From((request.ScaledObjectRef ?? new ScaledObjectRef()).ScalerMetadata);
        var demand = (await LoadAsync(target, known: null, context.CancellationToken)).Demand;
        return new GetMetricsResponse
        {
            MetricValues = { new MetricValue { MetricName = target.Metric, MetricValue_ = demand, MetricValueFloat = demand } },
        };
    }

    private Task<QueueLoad> LoadAsync(ScaleTarget target, QueueLoad? known, CancellationToken ct) =>
        grains.AskAsync<IQueueGrain, QueueLoad>(StageNames.QueueOf(target.Stage), queue => queue.LookAsync(known, Again), ct);

    private static GetMetricSpecResponse Spec(ScaleTarget target) => new()
    {
        MetricSpecs = { new MetricSpec { MetricName = target.Metric, TargetSize = (long)Math.Ceiling(target.StepsPerWorker), TargetSizeFloat = target.StepsPerWorker } },
    };

    private CancellationTokenSource EndOf(ServerCallContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
}
