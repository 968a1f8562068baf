using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Fewshot.ServiceDefaults;
using Fewshot.ServiceDefaults.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Fewshot.Gateway.Tests;

/// <summary>Who may join the gateways of a cluster.</summary>
public sealed class SiloTests(RedisProcess redis) : IClassFixture<RedisProcess>, IDisposable
{
    private const string Name = "gateway.fewshot.svc";
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Gateways_WithAnAuthority_TalkTlsToEachOtherAndToNobodyElse()
    {
        await redis.CommandAsync("FLUSHALL");
        using var authority = new TestAuthority(folder.Path);
        var own = authority.Peer(Name);
        await using var rig = await StartedAsync(authority, own);
        await using var other = await StartedAsync(authority, authority.Peer(Name));
        var management = rig.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
        await Poll.UntilAsync(async () => (await management.GetHosts(onlyActive: true)).Count == 2);

        var port = rig.Services.GetRequiredService<IOptions<EndpointOptions>>().Value.SiloPort;
        using var stranger = new TestAuthority(folder.Path, "stranger");
        Assert.True(await StaysOpenAsync(port, own));
        Assert.False(await StaysOpenAsync(port, certificate: null));
        Assert.False(await StaysOpenAsync(port, stranger.Peer(Name)));
        // A worker's, or a client's, of the same authority.
        Assert.False(await StaysOpenAsync(port, authority.Peer("worker.fewshot.svc")));
    }

    [Fact]
    public async Task Gateway_StartedBeforeRedis_WaitsForIt()
    {
        using var late = new RedisProcess();
        await late.InitializeAsync();
        late.Kill();
        await using var rig = new GatewayRig(late.Address.ToString());
        var started = rig.StartAsync();
        Assert.False(started.IsCompleted);
        await late.InitializeAsync();
        await started;
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        Assert.Equal(Compression.V1.JobState.Succeeded, (await rig.EndOfAsync(job.Id)).State);
    }

    [Fact]
    public void AddGateway_BeyondLoopbackOverRedisInTheClear_IsRefused()
    {
        using var authority = new TestAuthority(folder.Path);
        var (certificate, key) = authority.Server();
        var inTheClear = Assert.Throws<HostOptionsException>(() => Add(redis.Address.ToString()));
        Assert.Contains("set Gateway:SiloAuthority", inTheClear.Message, StringComparison.Ordinal);
        Add(redis.Address.ToString(), gateway => gateway.SiloAuthority = authority.Root);
        // Without Redis its silo has nobody to talk to.
        Add("");
        var byName = Assert.Throws<HostOptionsException>(() => Add(redis.Address.ToString(), gateway => gateway.SiloAddress = "gateway"));
        Assert.Contains("Gateway:SiloAddress must be an IP address", byName.Message, StringComparison.Ordinal);

        void Add(string redis, Action<GatewayOptions>? configure = null) => WebApplication.CreateSlimBuilder().AddFewshotDefaults(options =>
        {
            (options.StateFolder, options.Listen) = (folder.Path, "https://0.0.0.0:0");
            (options.Certificate, options.CertificateKey, options.ClientAuthority) = (certificate, key, authority.Root);
        }).AddGateway(options =>
        {
            options.Redis = redis;
            configure?.Invoke(options);
        });
    }

    private async Task<GatewayRig> StartedAsync(TestAuthority authority, (string Certificate, string Key) own)
    {
        var rig = new GatewayRig(redis.Address.ToString()) { Defaults = options => (options.Certificate, options.CertificateKey) = own };
        await rig.StartAsync(options => options.SiloAuthority = authority.Root);
        return rig;
    }

    /// <summary>Whether a silo waits for what comes after the handshake.</summary>
    private static async Task<bool> StaysOpenAsync(int port, (string Certificate, string Key)? certificate)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(client.GetStream());
        using var shown = certificate is var (file, key) ? X509Certificate2.CreateFromPemFile(file, key) : null;
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = Name,
                ClientCertificates = shown is null ? null : [shown],
#pragma warning disable CA5359 // What is tested is the other side.
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
            });
            await tls.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(1));
            return true;
        }
        catch (TimeoutException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }
}
