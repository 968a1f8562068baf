using System.Net;
using System.Net.Sockets;
using Fewshot.Stages.V1;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class HostTests : IDisposable
{
    private readonly StateFolder state = new();

    public void Dispose() => state.Dispose();

    [Theory]
    [InlineData("http://127.0.0.1:5210", "127.0.0.1", 5210, false)]
    [InlineData("http://localhost:0", "127.0.0.1", 0, false)]
    [InlineData("http://[::1]:7", "::1", 7, false)]
    public void ListenAddress_Loopback_IsTaken(string listen, string address, int port, bool tls) =>
        Assert.Equal(new ListenAddress(IPAddress.Parse(address), port, tls), ListenAddress.From(new FewshotOptions { Listen = listen }));

    [Theory]
    [InlineData("http://0.0.0.0:5210", "without TLS")]
    [InlineData("http://192.0.2.7:5210", "without TLS")]
    [InlineData("https://0.0.0.0:5210", "Certificate")]
    [InlineData("ftp://127.0.0.1:1", "http://ADDRESS:PORT")]
    [InlineData("http://somewhere.example:1", "IP address")]
    [InlineData("nonsense", "http://ADDRESS:PORT")]
    public void ListenAddress_Refused_SaysWhy(string listen, string why) =>
        Assert.Contains(why, Assert.Throws<HostOptionsException>(() => ListenAddress.From(new FewshotOptions { Listen = listen })).Message, StringComparison.Ordinal);

    [Fact]
    public void ListenAddress_InsecureIsSet_StrangersMayCome() =>
        Assert.Equal(IPAddress.Any, ListenAddress.From(new FewshotOptions { Listen = "http://0.0.0.0:1", Insecure = true }).Address);

    [Fact]
    public async Task RunHostAsync_PortInUse_SaysSoAndAnswersOne()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Assert.Equal(1, await FewshotHost.RunHostAsync(() => Build($"http://127.0.0.1:{port}")));
    }

    [Fact]
    public async Task RunHostAsync_StateFolderIsAFile_SaysSoAndAnswersOne()
    {
        var file = Path.Combine(state.Path, "file");
        await File.WriteAllTextAsync(file, "");
        Assert.Equal(1, await FewshotHost.RunHostAsync(() => WebApplication.CreateBuilder()
            .AddFewshotDefaults(options => (options.StateFolder, options.Listen) = (file, "http://127.0.0.1:0")).Build()));
    }

    /// <summary>They would be written to the home folder, which a pod does not have.</summary>
    [Fact]
    public async Task Host_WithDefaults_HasNoKeysForCookies()
    {
        await using var host = Build("http://127.0.0.1:0");
        Assert.Null(host.Services.GetService<Microsoft.AspNetCore.DataProtection.IDataProtectionProvider>());
    }

    [Fact]
    public async Task Host_WithDefaults_AnswersHealthAndSteps()
    {
        await using var app = Build("http://127.0.0.1:0");
        await app.StartAsync();
        using var channel = GrpcChannel.ForAddress(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow.AddSeconds(10));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);

        var steps = new StepService.StepServiceClient(channel);
        Assert.False((await steps.CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) })).Running);
        var error = await Assert.ThrowsAsync<RpcException>(() => steps.CancelStepAsync(new CancelStepRequest { StepKey = "x" }).ResponseAsync);
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.StartsWith("step_key: ", error.Status.Detail, StringComparison.Ordinal);
        await app.StopAsync();
    }

    private WebApplication Build(string listen)
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options => (options.StateFolder, options.Listen) = (state.Path, listen));
        return builder.Build().MapFewshotDefaults();
    }
}
