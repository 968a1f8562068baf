using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.ImageSynthesizer.Grpc;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer;

/// <summary>The image synthesizer in a host that has the defaults.</summary>
public static class ImageSynthesizerHost
{
    /// <summary>Adds the synthesis of images.</summary>
    public static IServiceCollection AddImageSynthesizer(this IServiceCollection services)
    {
        services.AddSingleton<SetJoining>();
        services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        services.MapError<ImageFormatException>(StatusCode.FailedPrecondition);
        services.MapError<ModelException>(StatusCode.FailedPrecondition);
        services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        services.MapError<NonFiniteTermException>(StatusCode.Aborted);
        return services;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapImageSynthesizer(this WebApplication app)
    {
        app.MapGrpcService<ImageSynthesizerGrpcService>();
        return app;
    }
}
