using System.IO.Compression;
using Grpc.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>The settings of a service's methods, its own before those of all services.</summary>
internal sealed record MethodSettings(
    int? SendLimit,
    int? ReceiveLimit,
    bool DetailedErrors,
    CompressionLevel? Gzip,
    IReadOnlyList<InterceptorRegistration> Interceptors,
    ILogger Logger)
{
    public static MethodSettings For<TService>(IServiceProvider services)
        where TService : class
    {
        var all = services.GetRequiredService<IOptions<GrpcServiceOptions>>().Value;
        var own = services.GetRequiredService<IOptions<GrpcServiceOptions<TService>>>().Value;
        var algorithm = own.ResponseCompressionAlgorithm ?? all.ResponseCompressionAlgorithm;
        if (algorithm is not (null or Headers.Gzip or Headers.Identity))
            throw new InvalidOperationException($"Response compression '{algorithm}' is not supported; use '{Headers.Gzip}'.");
        return new MethodSettings(
            own.MaxSendMessageSize ?? all.MaxSendMessageSize,
            own.ReceiveLimitIsSet ? own.MaxReceiveMessageSize : all.MaxReceiveMessageSize,
            own.EnableDetailedErrors ?? all.EnableDetailedErrors ?? false,
            algorithm == Headers.Gzip ? own.ResponseCompressionLevel ?? all.ResponseCompressionLevel ?? CompressionLevel.Fastest : null,
            [.. all.Interceptors, .. own.Interceptors],
            services.GetRequiredService<ILoggerFactory>().CreateLogger("Grpc.AspNetCore.Server.ServerCallHandler"));
    }
}
