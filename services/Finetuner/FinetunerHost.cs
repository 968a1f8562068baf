using Fewshot.Compression;
using Fewshot.Finetuner.Grpc;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Finetuner;

/// <summary>The finetuner in a host that has the defaults.</summary>
public static class FinetunerHost
{
    /// <summary>Adds finetuning, evaluation and training.</summary>
    public static WebApplicationBuilder AddFinetuner(this WebApplicationBuilder builder)
    {
        builder.Services.MapError<ModelException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        builder.Services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<NonFiniteLossException>(StatusCode.Aborted);
        return builder;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapFinetuner(this WebApplication app)
    {
        app.MapGrpcService<FinetunerGrpcService>();
        return app;
    }
}
