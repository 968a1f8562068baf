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
    public static WebApplicationBuilder AddBlockTrial(this WebApplicationBuilder builder)
    {
        builder.Services.MapError<ModelException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        builder.Services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<NonFiniteLossException>(StatusCode.Aborted);
        return builder;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapBlockTrial(this WebApplication app)
    {
        app.MapGrpcService<BlockTrialGrpcService>();
        return app;
    }
}
