using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Scaling;
using Fewshot.Gateway.Tenants;
using Fewshot.Gateway.Workflows;
using Fewshot.Planning;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Keda.ExternalScaler;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fewshot.Gateway;

/// <summary>The gateway in a host that has the defaults.</summary>
public static class GatewayHost
{
    private const int SpareThreads = 32;

    /// <summary>Adds artifacts, jobs and workflows to a host that has its defaults. Options come from the section <c>Gateway</c> of the configuration.</summary>
    /// <exception cref="HostOptionsException">An option is wrong; the message names it.</exception>
    public static WebApplicationBuilder AddGateway(this WebApplicationBuilder builder, Action<GatewayOptions>? configure = null)
    {
        var services = builder.Services;
        var options = new GatewayOptions();
        OptionsSection.Read(builder.Configuration, options);
        configure?.Invoke(options);
        if (Math.Min(options.MaxTransfers, options.MaxTransfersPerTenant) <= 0)
            throw new HostOptionsException("Gateway:MaxTransfers and Gateway:MaxTransfersPerTenant must be above 0.");
        services.AddSingleton(options);
        builder.AddSilo(options, services.Select(service => service.ImplementationInstance).OfType<FewshotOptions>().Single());
        services.AddFallbackPolicy(CallerPolicies.OwnOnly);
        // Making a file durable holds a thread while the disk works; without spare ones, answers wait for disks.
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, SpareThreads), ports);
        services.AddSingleton(provider => new JobArchive(
            provider.GetRequiredService<IArtifactStore>(), options.JobsInMemory ? null : provider.GetRequiredService<IArtifactNames>()));
        services.AddSingleton<JobStore>();
        services.AddSingleton<TenantGrants>();
        services.AddSingleton<TenantLimits>();
        services.AddSingleton<TenantAccess>();
        services.AddSingleton<WatchedStreams>();
        services.AddSingleton<ArtifactTransfers>();
        services.AddSingleton<OwnAddress>();
        services.AddSingleton(provider => ScalerPort(
            provider.GetRequiredService<GatewayOptions>(), provider.GetRequiredService<FewshotOptions>()));
        services.Configure<KestrelServerOptions>(kestrel => kestrel.ApplicationServices.GetRequiredService<SidePort>().Listen(kestrel));
        services.AddSingleton<PlaceQueues>();
        services.AddSingleton(provider => new WorkerDiscovery(provider.GetRequiredService<ILogger<WorkerDiscovery>>()));
        services.AddSingleton<WorkerCredentials>();
        services.AddSingleton(provider => new StageWorkers(
            options, provider.GetRequiredService<OwnAddress>(), provider.GetRequiredService<PlaceQueues>(), provider.GetRequiredService<WorkerDiscovery>(),
            provider.GetRequiredService<WorkerCredentials>()));
        services.AddSingleton<StepAdmission>();
        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<StageRetries>();
        services.AddSingleton<StageCaller>();
        services.AddSingleton(provider => new StageClients(
            provider.GetRequiredService<StageWorkers>(), provider.GetRequiredService<StageCaller>(), options,
            provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
        services.AddSingleton<ImageSynthesis>();
        services.AddSingleton<PractiseWorkflow>();
        services.AddSingleton<DcVitWorkflow>();
        services.AddSingleton<StageWorkflow>();
        services.AddSingleton(provider => new JobWorkflows(
            provider.GetRequiredService<IArtifactStore>(), provider.GetRequiredService<PractiseWorkflow>(), provider.GetRequiredService<DcVitWorkflow>(),
            provider.GetRequiredService<StageWorkflow>()));
        services.AddSingleton<JobExecution>();
        services.AddSingleton<OldState>();
        services.AddHostedService<JobSweep>();
        services.AddSingleton<JobSubmission>();
        services.AddSingleton<JobReferences>();
        services.AddSingleton(provider => new ArtifactCollector(
            provider.GetRequiredService<JobStore>(), provider.GetRequiredService<PlaceQueues>(), provider.GetRequiredService<IArtifactStore>(),
            provider.GetRequiredService<IArtifactNames>(), provider.GetRequiredService<JobReferences>(),
            provider.GetRequiredService<TenantGrants>()));
        services.AddHostedService<CollectionService>();
        services.AddGrpc().AddServiceOptions<ArtifactGrpcService>(options => options.Interceptors.Add<AuditInterceptor>())
            .AddServiceOptions<CompressionGrpcService>(options => options.Interceptors.Add<AuditInterceptor>());
        services.MapError<PlanningException>(StatusCode.InvalidArgument);
        services.MapError<NoWorkerException>(StatusCode.Unavailable);
        services.MapError<PoisonStepException>(StatusCode.Unavailable);
        services.MapError<JobNotFoundException>(StatusCode.NotFound);
        services.MapError<RequestIdTakenException>(StatusCode.AlreadyExists);
        services.MapError<QuotaExceededException>(StatusCode.ResourceExhausted);
        services.MapError<IdleStreamException>(StatusCode.DeadlineExceeded);
        services.MapError<SlowStreamException>(StatusCode.DeadlineExceeded);
        return builder;
    }

    /// <summary>Maps the gateway's services.</summary>
    public static WebApplication MapGateway(this WebApplication app)
    {
        // What is wrong with their options is to be said now, not when the first job comes.
        app.Services.GetRequiredService<JobExecution>();
        app.Services.GetRequiredService<GrainRecords>();
        app.MapGrpcService<ArtifactGrpcService>().RequireAuthorization(CallerPolicies.Known);
        app.MapGrpcService<CompressionGrpcService>().RequireAuthorization(CallerPolicies.Known);
        // KEDA sends no tokens; what it gets are counts.
        app.MapGrpcService<ExternalScalerGrpcService>().AllowAnonymous();
        app.Use(app.Services.GetRequiredService<SidePort>().GuardAsync);
        return app;
    }

    private static SidePort ScalerPort(GatewayOptions options, FewshotOptions host) => new(
        ExternalScaler.Descriptor.FullName, host,
        ($"{GatewayOptions.Section}:{nameof(GatewayOptions.ScalerListen)}", options.ScalerListen),
        ($"{GatewayOptions.Section}:{nameof(GatewayOptions.ScalerAuthority)}", options.ScalerAuthority));
}
