using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fewshot.GrpcTests.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Fewshot.GrpcTests;

/// <summary>Connections that fail, end, or are encrypted.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task Connect_Refused_Unavailable()
    {
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{FreePort()}");
        var client = new V1.EchoService.EchoServiceClient(channel);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(new EchoRequest()));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains("refused", e.Status.Detail, StringComparison.Ordinal);
        using var stream = client.ClientStream();
        e = await Assert.ThrowsAsync<RpcException>(() => stream.RequestStream.WriteAsync(new EchoRequest()));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        e = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseHeadersAsync);
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Connect_UnknownName_Unavailable()
    {
        using var channel = GrpcChannel.ForAddress("http://no-such-host.invalid:1");
        var client = new V1.EchoService.EchoServiceClient(channel);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(new EchoRequest()));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Connect_ServerComesBackOnItsPort_SameChannelWorksAgain()
    {
        var port = FreePort();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        var client = new V1.EchoService.EchoServiceClient(channel);
        for (var round = 0; round < 2; round++)
        {
            await using (var host = await EchoHost.StartAsync(build: b => b.WebHost.ConfigureKestrel(k =>
                k.Listen(IPAddress.Loopback, port, l => l.Protocols = Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http2))))
            {
                Assert.Equal("a", (await client.UnaryAsync(new EchoRequest { Text = "a" })).Text);
                await host.StopAsync();
            }

            var e = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(new EchoRequest()));
            Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        }
    }

    [Fact]
    public async Task Server_StopsUnderARunningCall_BothSidesLearnOfIt()
    {
        await using var host = await EchoHost.StartAsync();
        var unary = host.Client.UnaryAsync(new EchoRequest { Wait = true });
        using var stream = host.Client.Duplex();
        await stream.RequestStream.WriteAsync(new EchoRequest());
        Assert.True(await stream.ResponseStream.MoveNext());
        await host.Probe.Waiting.Task.WaitAsync(EchoHost.Patience);
        await host.StopAsync();
        await host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
        StatusCode[] expected = [StatusCode.Unavailable, StatusCode.Cancelled];
        Assert.Contains((await Assert.ThrowsAsync<RpcException>(async () => await unary)).StatusCode, expected);
        Assert.Contains((await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext())).StatusCode, expected);
    }

    [Fact]
    public async Task Server_StopsWhileACallEndsInTime_CallSucceeds()
    {
        await using var host = await EchoHost.StartAsync();
        using var stream = host.Client.Duplex();
        await stream.RequestStream.WriteAsync(new EchoRequest { Text = "1" });
        Assert.True(await stream.ResponseStream.MoveNext());
        var stopping = host.StopAsync();
        await stream.RequestStream.WriteAsync(new EchoRequest { Text = "2" });
        Assert.True(await stream.ResponseStream.MoveNext());
        Assert.Equal("2", stream.ResponseStream.Current.Text);
        await stream.RequestStream.CompleteAsync();
        Assert.False(await stream.ResponseStream.MoveNext());
        await stopping;
    }

    [Fact]
    public async Task Tls_KnownCertificate_CallsAndShowsTheClientsIdentity()
    {
        using var server = Certificate("localhost");
        using var own = Certificate("worker-7");
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, seen, _, _) => seen?.GetCertHashString() == server.GetCertHashString();
        handler.SslOptions.ClientCertificates = [own];
        await using var host = await EchoHost.StartAsync(
            channel: new GrpcChannelOptions { HttpHandler = handler, Credentials = ChannelCredentials.SecureSsl },
            listen: l => l.UseHttps(server, o =>
            {
                o.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                o.AllowAnyClientCertificate();
            }),
            scheme: "https");
        Assert.Equal("a", (await host.Client.UnaryAsync(new EchoRequest { Text = "a" })).Text);
        var peer = (await host.Probe.Called.Task).AuthContext;
        Assert.True(peer.IsPeerAuthenticated);
        Assert.Equal("worker-7", Assert.Single(peer.FindPropertiesByName("x509_common_name")).Value);
    }

    [Fact]
    public async Task Tls_UnknownCertificate_Unavailable()
    {
        using var server = Certificate("localhost");
        await using var host = await EchoHost.StartAsync(listen: l => l.UseHttps(server), scheme: "https");
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest()));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public void ForAddress_Nonsense_Throws()
    {
        Assert.Throws<ArgumentException>(() => GrpcChannel.ForAddress("ftp://x"));
        Assert.Throws<ArgumentException>(() =>
            GrpcChannel.ForAddress("http://x", new GrpcChannelOptions { Credentials = ChannelCredentials.SecureSsl }).Dispose());
        Assert.Throws<ArgumentException>(() =>
            GrpcChannel.ForAddress("https://x", new GrpcChannelOptions { Credentials = ChannelCredentials.Insecure }).Dispose());
    }

    [Fact]
    public async Task HttpClient_AsTransport_StreamsWithoutBuffering()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = new HttpClient();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{host.Port}", new GrpcChannelOptions { HttpClient = http });
        using var call = new V1.EchoService.EchoServiceClient(channel).Duplex();
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "a" });
        Assert.True(await call.ResponseStream.MoveNext());
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static X509Certificate2 Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
