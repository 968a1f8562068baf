using System.Globalization;
using System.Threading.RateLimiting;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults;

/// <summary>Bounds the calls that need no name (health, KEDA's scaler): some of them are streams that stay open, and anybody may open them.</summary>
internal static class AnonymousCalls
{
    /// <summary>At a time, for each service. Probes and scalers hold a handful.</summary>
    public const int Most = 100;

    public static IServiceCollection AddAnonymousLimit(this IServiceCollection services) => services.AddRateLimiter(limits =>
    {
        limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is null
            ? RateLimitPartition.GetNoLimiter("")
            : RateLimitPartition.GetConcurrencyLimiter(ServiceOf(context), _ => new ConcurrencyLimiterOptions { PermitLimit = Most }));
        limits.OnRejected = (rejected, _) =>
        {
            // A gRPC answer without a message: status and detail in the headers.
            var response = rejected.HttpContext.Response;
            response.StatusCode = StatusCodes.Status200OK;
            response.ContentType = "application/grpc";
            response.Headers["grpc-status"] = ((int)StatusCode.ResourceExhausted).ToString(CultureInfo.InvariantCulture);
            response.Headers["grpc-message"] = $"More than {Most} calls without a name are open here: close some, and try again.";
            return ValueTask.CompletedTask;
        };
    });

    /// <summary>Of the path <c>/SERVICE/METHOD</c>.</summary>
    private static string ServiceOf(HttpContext context) => context.Request.Path.Value!.Split('/', 3)[1];
}
