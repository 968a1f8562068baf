using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using Fewshot.Stages.V1;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class LimitTests : IDisposable
{
    private readonly StateFolder state = new();

    private static DateTime Patience => DateTime.UtcNow.AddSeconds(30);

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task Message_TooLarge_IsRefused()
    {
        await using var host = await SecuredHost.StartAsync(state, options => options.MaxMessageBytes = 1000);
        using var channel = SecuredHost.Connect(host.Address, token: null);
        var steps = new StepService.StepServiceClient(channel);
        var error = await Assert.ThrowsAsync<RpcException>(() => steps.CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 1000) }, deadline: Patience).ResponseAsync);
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Equal(StatusCode.OK, (await SecuredHost.AskAsync(channel)).StatusCode);
    }

    [Fact]
    public async Task Headers_TooLarge_AreRefusedAndOthersAreServed()
    {
        await using var host = await SecuredHost.StartAsync(state, options => options.MaxHeaderBytes = 4096);
        using (var channel = SecuredHost.Connect(host.Address, token: null))
        {
            var steps = new StepService.StepServiceClient(channel);
            await Assert.ThrowsAsync<RpcException>(() => steps.CancelStepAsync(new CancelStepRequest(), new Metadata { { "x", new string('a', 5000) } }, Patience).ResponseAsync);
        }

        using var another = SecuredHost.Connect(host.Address, token: null);
        Assert.Equal(StatusCode.OK, (await SecuredHost.AskAsync(another)).StatusCode);
    }

    [Fact]
    public async Task Streams_OnOneConnection_WaitForOneAnother()
    {
        await using var host = await SecuredHost.StartAsync(state, options => options.MaxStreamsPerConnection = 2);
        using var channel = GrpcChannel.ForAddress(host.Address, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler(), DisposeHttpClient = true });
        var health = new Health.HealthClient(channel);
        using var first = health.Watch(new HealthCheckRequest(), deadline: Patience);
        using (var second = health.Watch(new HealthCheckRequest(), deadline: Patience))
        {
            Assert.True(await first.ResponseStream.MoveNext(default) && await second.ResponseStream.MoveNext(default));
            var late = await Assert.ThrowsAsync<RpcException>(() => health.CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow.AddMilliseconds(300)).ResponseAsync);
            Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
        }

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest(), deadline: Patience)).Status);
    }

    [Fact]
    public async Task Connections_TooMany_AreClosedAndProbesAreAnswered()
    {
        var port = FreePort();
        await using var host = await SecuredHost.StartAsync(state, options => (options.MaxConnections, options.HealthListen) = (2, $"http://127.0.0.1:{port}"));
        var address = new Uri(host.Address.Contains($":{port}", StringComparison.Ordinal) ? throw new InvalidOperationException("The health port came first.") : host.Address);
        List<TcpClient> open = [];
        try
        {
            for (var i = 0; i < 2; i++)
                open.Add(await ConnectAsync(address));
            using var channel = SecuredHost.Connect(host.Address, token: null);
            Assert.NotEqual(StatusCode.OK, (await SecuredHost.AskAsync(channel)).StatusCode);
            using var probe = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await SecuredHost.HealthAsync(probe));
        }
        finally
        {
            open.ForEach(one => one.Dispose());
        }
    }

    /// <summary>A connection that the server has accepted: it has sent its settings.</summary>
    private static async Task<TcpClient> ConnectAsync(Uri address)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, address.Port);
        await client.GetStream().WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray());
        Assert.True(await client.GetStream().ReadAsync(new byte[9]) > 0);
        return client;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
