using Fewshot.ServiceDefaults;
using Fewshot.ServiceDefaults.Tests;
using Grpc.Core;
using Grpc.Net.Client;
using Keda.ExternalScaler;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

/// <summary>KEDA's scaler on a port of its own.</summary>
public sealed class ScalerPortTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Scaler_WithAPortOfItsOwn_IsServedThereAloneAndNothingElseIs()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ScalerListen = "http://127.0.0.1:0");
        using var side = GrpcChannel.ForAddress(SideOf(rig));
        using var main = GrpcChannel.ForAddress(rig.Address);
        Assert.Equal(StatusCode.OK, await ScalerAsync(side));
        Assert.Equal(StatusCode.Unimplemented, await ScalerAsync(main));
        Assert.Equal(StatusCode.OK, await JobsAsync(main));
        Assert.Equal(StatusCode.Unimplemented, await JobsAsync(side));
        using var active = new ExternalScaler.ExternalScalerClient(side).StreamIsActive(Ref(), deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
    }

    [Fact]
    public async Task Scaler_WithAnAuthority_TakesItsClientsAlone()
    {
        using var authority = new TestAuthority(folder.Path);
        using var other = new TestAuthority(folder.Path, "other");
        var server = authority.Server();
        await using var rig = new GatewayRig
        {
            Defaults = options => (options.Certificate, options.CertificateKey) = (server.Certificate, server.Key),
        };
        await rig.StartAsync(options => (options.ScalerListen, options.ScalerAuthority) = ("https://127.0.0.1:0", authority.Root));
        Assert.Equal(StatusCode.OK, await AskAsync(authority.Client("keda")));
        Assert.NotEqual(StatusCode.OK, await AskAsync(certificate: null));
        Assert.NotEqual(StatusCode.OK, await AskAsync(other.Client("keda")));
        Assert.NotEqual(StatusCode.OK, await AskAsync(authority.Client("keda", forServers: true)));
        Assert.NotEqual(StatusCode.OK, await AskAsync(authority.Client("keda", days: -1)));
        Assert.Equal(StatusCode.OK, await AskAsync(authority.Client("keda")));

        async Task<StatusCode> AskAsync((string Certificate, string Key)? certificate)
        {
            using var channel = authority.Connect(SideOf(rig), certificate: certificate);
            return await ScalerAsync(channel);
        }
    }

    [Theory]
    [InlineData("nowhere", null, "Cannot listen on 'nowhere': give Gateway:ScalerListen as http://ADDRESS:PORT or https://ADDRESS:PORT.")]
    [InlineData("http://0.0.0.0:0", null, "Gateway:ScalerListen: refusing to listen on 0.0.0.0:0 without TLS.")]
    [InlineData("https://127.0.0.1:0", null, "Gateway:ScalerListen with https needs Fewshot:Certificate (PEM).")]
    [InlineData("http://127.0.0.1:0", "authority.pem", "Gateway:ScalerAuthority needs an https address in Gateway:ScalerListen")]
    [InlineData(null, "authority.pem", "Gateway:ScalerAuthority needs an https address in Gateway:ScalerListen")]
    public async Task Start_SettingsWrong_AreRefused(string? listen, string? authority, string message)
    {
        await using var rig = new GatewayRig();
        var refused = await Assert.ThrowsAsync<HostOptionsException>(
            () => rig.StartAsync(options => (options.ScalerListen, options.ScalerAuthority) = (listen, authority)));
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }

    private static ScaledObjectRef Ref() =>
        new() { Name = "finetuner", Namespace = "fewshot", ScalerMetadata = { ["stage"] = "finetuner" } };

    private static string SideOf(GatewayRig rig) => rig.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.Single(address => address != rig.Address);

    private static Task<StatusCode> ScalerAsync(GrpcChannel channel) => CodeOfAsync(
        () => new ExternalScaler.ExternalScalerClient(channel)
            .GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = Ref() }, deadline: GatewayRig.Deadline).ResponseAsync);

    private static Task<StatusCode> JobsAsync(GrpcChannel channel) => CodeOfAsync(
        () => new Compression.V1.CompressionService.CompressionServiceClient(channel)
            .ListJobsAsync(new Compression.V1.ListJobsRequest(), deadline: GatewayRig.Deadline).ResponseAsync);

    private static async Task<StatusCode> CodeOfAsync(Func<Task> call)
    {
        try
        {
            await call();
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}
