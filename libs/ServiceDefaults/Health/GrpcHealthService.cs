using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// The standard health protocol over the host's health checks. The empty name, or <c>readiness</c>, is the host with all its checks; the name of
/// a mapped gRPC service is that service with the checks tagged with its name, or all checks if none is. A host that is shutting down serves
/// nothing. <c>liveness</c> is the process alone: it serves while it answers, also without its stores, while it computes and while it drains.
/// </summary>
internal sealed class GrpcHealthService(
    HealthCheckService checks, EndpointDataSource endpoints, IHostApplicationLifetime lifetime, GrpcHealthOptions options) : Health.HealthBase
{
    private const string Liveness = "liveness", Readiness = "readiness";

    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var status = await StatusAsync(request.Service, context.CancellationToken);
        if (status == ServingStatus.ServiceUnknown)
            throw new RpcException(new Status(StatusCode.NotFound, "The service is not served here."));
        return new HealthCheckResponse { Status = status };
    }

    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        ServingStatus? told = null;
        while (!context.CancellationToken.IsCancellationRequested)
        {
            var status = await StatusAsync(request.Service, context.CancellationToken);
            if (status != told)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
            told = status;
            if (lifetime.ApplicationStopping.IsCancellationRequested)
                return;
            await Task.Delay(options.WatchPeriod, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<ServingStatus> StatusAsync(string service, CancellationToken cancellation)
    {
        if (service == Liveness)
            return ServingStatus.Serving;
        if (service == Readiness)
            service = "";
        if (service.Length > 0 && !IsMapped(service))
            return ServingStatus.ServiceUnknown;
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return ServingStatus.NotServing;
        var tagged = false;
        var report = await checks.CheckHealthAsync(check => Matches(check, service, ref tagged), cancellation);
        if (service.Length > 0 && !tagged)
            report = await checks.CheckHealthAsync(cancellation);
        return report.Status == HealthStatus.Unhealthy ? ServingStatus.NotServing : ServingStatus.Serving;
    }

    private static bool Matches(HealthCheckRegistration check, string service, ref bool tagged)
    {
        var match = service.Length == 0 || check.Tags.Contains(service);
        tagged |= match;
        return match;
    }

    private bool IsMapped(string service) =>
        endpoints.Endpoints.Any(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.ServiceName == service);
}
