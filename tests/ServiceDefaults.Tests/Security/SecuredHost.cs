using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Fewshot.Stages.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>A host with the defaults and nothing else, and calls to it.</summary>
internal sealed class SecuredHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private SecuredHost(WebApplication app)
    {
        this.app = app;
        Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    public string Address { get; }

    public IServiceProvider Services => app.Services;

    public static async Task<SecuredHost> StartAsync(StateFolder state, Action<FewshotOptions> configure, bool ownOnly = false)
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options =>
        {
            (options.StateFolder, options.Listen) = (state.Path, "http://127.0.0.1:0");
            configure(options);
        });
        if (ownOnly)
            builder.Services.AddFallbackPolicy(CallerPolicies.OwnOnly);
        var host = builder.Build().MapFewshotDefaults();
        await host.StartAsync();
        return new SecuredHost(host);
    }

    public static GrpcChannel Connect(string address, string? token) =>
        GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = token is null ? new System.Net.Http.SocketsHttpHandler() : new BearerTokenHandler(() => token, new System.Net.Http.SocketsHttpHandler()) });

    /// <summary>The status of a call that takes any known caller.</summary>
    public static async Task<Status> AskAsync(GrpcChannel channel)
    {
        try
        {
            await new StepService.StepServiceClient(channel).CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) }, deadline: DateTime.UtcNow.AddSeconds(30));
            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    public static async Task<HealthCheckResponse.Types.ServingStatus> HealthAsync(GrpcChannel channel) =>
        (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow.AddSeconds(30))).Status;

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }
}
