using Fewshot.BlockTrial.Grpc;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.BlockTrial;

/// <summary>The block trials in a host that has the defaults.</summary>
public static class BlockTrialHost
{
    /// <summary>Adds the trying of blocks.</summary>
    public static IServiceCollection AddBlockTrial(this IServiceCollection services) =>
        services.AddStageErrors().AddStartupCheck<SelfTest>();

    /// <summary>Maps the service.</summary>
    public static WebApplication MapBlockTrial(this WebApplication app)
    {
        app.MapGrpcService<BlockTrialGrpcService>();
        return app;
    }
}
