using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using static Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>What must have passed before a host is given work.</summary>
public sealed class StartupTests : IDisposable
{
    private readonly StateFolder state = new();

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task Check_StartupCheckFails_HasNotStartedAndIsNotReadyButAlive()
    {
        var check = new SetCheck();
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(
            options => (options.StateFolder, options.Listen) = (state.Path, "http://127.0.0.1:0"));
        builder.Logging.ClearProviders();
        // A host of several stages adds it with each of them.
        builder.Services.AddStartupCheck<SetCheck>().AddStartupCheck<SetCheck>().AddSingleton(check);
        await using var host = builder.Build().MapFewshotDefaults();
        await host.StartAsync();
        var addresses = host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        using var channel = GrpcChannel.ForAddress(addresses.Single());
        var health = new Health.HealthClient(channel);
        Assert.Equal([Serving, NotServing, NotServing], await AskAsync());
        check.Passes = true;
        Assert.Equal([Serving, Serving, Serving], await AskAsync());

        async Task<HealthCheckResponse.Types.ServingStatus[]> AskAsync() =>
            await Task.WhenAll(((string[])["liveness", "startup", "readiness"]).Select(async name =>
                (await health.CheckAsync(new HealthCheckRequest { Service = name }, deadline: DateTime.UtcNow.AddSeconds(30))).Status));
    }

    [Fact]
    public async Task Start_SelfTestDeviceUnknown_IsRefused()
    {
        var refused = await Assert.ThrowsAsync<HostOptionsException>(
            () => SecuredHost.StartAsync(state, options => options.SelfTestDevice = "tpu"));
        Assert.Equal("Fewshot:SelfTestDevice must be cpu or cuda, or empty.", refused.Message);
    }

    private sealed class SetCheck : IHealthCheck
    {
        public bool Passes { get; set; }

        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(Passes ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
    }
}
