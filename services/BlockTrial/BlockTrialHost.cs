using Fewshot.BlockTrial.Grpc;
using Fewshot.Compression;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.BlockTrial;

/// <summary>The block trials in a host that has the defaults.</summary>
public static class BlockTrialHost
{
    /// <summary>Adds the trying of blocks.</summary>
    public static IServiceCollection AddBlockTrial(this IServiceCollection services)
    {
        services.MapError<ModelException>(StatusCode.FailedPrecondition);
        services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        services.MapError<NonFiniteLossException>(StatusCode.Aborted);
        return services;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapBlockTrial(this WebApplication app)
    {
        app.MapGrpcService<BlockTrialGrpcService>();
        return app;
    }
}
