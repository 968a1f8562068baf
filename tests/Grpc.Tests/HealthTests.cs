using Fewshot.ServiceDefaults;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.GrpcTests;

public sealed class HealthTests : IAsyncLifetime
{
    private const string Echo = "fewshot.grpctests.v1.EchoService";
    private volatile bool _healthy = true;
    private EchoHost _host = null!;
    private Health.HealthClient _health = null!;

    public async Task InitializeAsync()
    {
        _host = await EchoHost.StartAsync(
            build: b => b.Services.AddGrpcHealthChecks(o => o.WatchPeriod = TimeSpan.FromMilliseconds(5))
                .AddCheck("disk", () => _healthy ? HealthCheckResult.Degraded() : HealthCheckResult.Unhealthy())
                .AddCheck("echo", () => HealthCheckResult.Healthy(), tags: [Echo]),
            map: app => app.MapGrpcHealthChecksService());
        _health = new Health.HealthClient(_host.Channel);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData(Echo)]
    [InlineData("grpc.health.v1.Health")]
    public async Task Check_MappedService_Serving(string service) =>
        Assert.Equal(ServingStatus.Serving, (await _health.CheckAsync(new HealthCheckRequest { Service = service })).Status);

    [Fact]
    public async Task Check_UnhealthyCheck_StopsWhatDependsOnIt()
    {
        _healthy = false;
        Assert.Equal(ServingStatus.NotServing, (await _health.CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(ServingStatus.Serving, (await _health.CheckAsync(new HealthCheckRequest { Service = Echo })).Status);
        Assert.Equal(
            ServingStatus.NotServing, (await _health.CheckAsync(new HealthCheckRequest { Service = "grpc.health.v1.Health" })).Status);
    }

    [Fact]
    public async Task Check_UnknownService_NotFound()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _health.CheckAsync(new HealthCheckRequest { Service = "x.Y" }));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Fact]
    public async Task Watch_Changes_AreToldUntilTheHostStops()
    {
        using var call = _health.Watch(new HealthCheckRequest());
        Assert.Equal(ServingStatus.Serving, await Next(call));
        _healthy = false;
        Assert.Equal(ServingStatus.NotServing, await Next(call));
        _healthy = true;
        Assert.Equal(ServingStatus.Serving, await Next(call));
        _host.Lifetime.StopApplication();
        Assert.Equal(ServingStatus.NotServing, await Next(call));
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Watch_UnknownService_SaysSoAndWaits()
    {
        using var call = _health.Watch(new HealthCheckRequest { Service = "x.Y" });
        Assert.Equal(ServingStatus.ServiceUnknown, await Next(call));
    }

    private static async Task<ServingStatus> Next(AsyncServerStreamingCall<HealthCheckResponse> call)
    {
        Assert.True(await call.ResponseStream.MoveNext());
        return call.ResponseStream.Current.Status;
    }
}
