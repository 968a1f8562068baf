namespace Fewshot.ImageSynthesizer;

/// <summary>The image synthesizer in a host that has the defaults.</summary>
public static class ImageSynthesizerHost
{
    /// <summary>Adds the synthesis of images.</summary>
    public static WebApplicationBuilder AddImageSynthesizer(this WebApplicationBuilder builder) => builder;

    /// <summary>Maps the service.</summary>
    public static WebApplication MapImageSynthesizer(this WebApplication app) => app;
}
