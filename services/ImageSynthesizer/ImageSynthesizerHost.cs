using Fewshot.ImageSynthesizer.Grpc;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.ImageSynthesizer;

/// <summary>The image synthesizer in a host that has the defaults.</summary>
public static class ImageSynthesizerHost
{
    /// <summary>Adds the synthesis of images.</summary>
    public static IServiceCollection AddImageSynthesizer(this IServiceCollection services)
    {
        services.AddSingleton<SetJoining>();
        return services.AddStageErrors().AddStartupCheck<SelfTest>();
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapImageSynthesizer(this WebApplication app)
    {
        app.MapGrpcService<ImageSynthesizerGrpcService>();
        return app;
    }
}
