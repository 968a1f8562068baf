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
    public static IServiceCollection AddFinetuner(this IServiceCollection services)
    {
        services.MapError<ModelException>(StatusCode.FailedPrecondition);
        services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        services.MapError<NonFiniteLossException>(StatusCode.Aborted);
        return services;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapFinetuner(this WebApplication app)
    {
        app.MapGrpcService<FinetunerGrpcService>();
        return app;
    }
}
