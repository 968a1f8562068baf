using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.StageDefaults;

/// <summary>What the errors of networks, images and their compression mean to a caller.</summary>
public static class StageErrors
{
    /// <summary>Maps them to status codes.</summary>
    public static IServiceCollection AddStageErrors(this IServiceCollection services)
    {
        services.MapError<ModelException>(StatusCode.FailedPrecondition);
        services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        services.MapError<ImageSetException>(StatusCode.FailedPrecondition);
        services.MapError<ImageFormatException>(StatusCode.FailedPrecondition);
        services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        services.MapError<NonFiniteLossException>(StatusCode.Aborted);
        services.MapError<NonFiniteTermException>(StatusCode.Aborted);
        return services;
    }
}
