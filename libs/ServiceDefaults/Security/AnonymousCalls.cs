using System.Threading.RateLimiting;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// Limits the calls that need no credentials (health, KEDA's scaler): anybody can open them, and some are streams that stay open.
/// </summary>
internal static class AnonymousCalls
{
    /// <summary>Calls open at a time, for each service. Probes and scalers need a handful.</summary>
    private const int Most = 100;

    public static IServiceCollection AddAnonymousLimit(this IServiceCollection services) => services.AddRateLimiter(limits =>
    {
        limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => IsAnonymous(context)
            ? RateLimitPartition.GetConcurrencyLimiter(ServiceOf(context), _ => new ConcurrencyLimiterOptions { PermitLimit = Most })
            : RateLimitPartition.GetNoLimiter(""));
        limits.OnRejected = (rejected, _) =>
        {
            rejected.HttpContext.Response.Refuse(
                StatusCode.ResourceExhausted,
                $"{Most} calls without credentials are open on this service, which is the limit: close some, then try again.");
            return ValueTask.CompletedTask;
        };
    });

    private static bool IsAnonymous(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    /// <summary>Of the path <c>/SERVICE/METHOD</c>.</summary>
    private static string ServiceOf(HttpContext context) => context.Request.Path.Value!.Split('/', 3)[1];
}
