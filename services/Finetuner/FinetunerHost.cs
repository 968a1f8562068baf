using Fewshot.Finetuner.Grpc;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.Finetuner;

/// <summary>The finetuner in a host that has the defaults.</summary>
public static class FinetunerHost
{
    /// <summary>Adds finetuning, evaluation and training.</summary>
    public static IServiceCollection AddFinetuner(this IServiceCollection services) =>
        services.AddStageErrors().AddStartupCheck<SelfTest>();

    /// <summary>Maps the service.</summary>
    public static WebApplication MapFinetuner(this WebApplication app)
    {
        app.MapGrpcService<FinetunerGrpcService>();
        return app;
    }
}
