using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Fewshot.Artifacts.Redis;
using Fewshot.ServiceDefaults;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// The Orleans silo in a gateway: what must exist once among all gateways is a grain. Gateways that share a Redis are one cluster; without
/// Redis a gateway is a cluster of its own, on loopback.
/// </summary>
internal static class Silo
{
    // Keys in Redis begin with it, so that a user with rights on Fewshot's keys alone will do.
    private const string Service = "fewshot:cluster";

    /// <summary>Adds the silo; it starts first and stops last.</summary>
    /// <exception cref="HostOptionsException">An option is wrong; the message names it.</exception>
    public static void AddSilo(this WebApplicationBuilder builder, GatewayOptions options, FewshotOptions defaults)
    {
        var redis = options.RedisAddress(defaults);
        var own = redis is null ? IPAddress.Loopback : AddressOf(options, defaults);
        var certificates = redis is null ? null : CertificatesOf(options, defaults, own);
        if (redis is not null)
        {
            builder.Services.AddSingleton(_ => new RedisServer(redis));
            builder.Services.AddSingleton(provider => new StoreProbe(
                ct => provider.GetRequiredService<RedisServer>().RunAsync(database => database.PingAsync(), ct: ct)));
            builder.Services.AddHostedService<RedisStart>();
            builder.Services.AddHostedService<SilentSilos>();
        }

        builder.UseOrleans(silo =>
        {
            AddRecords(silo, options, defaults, redis);
            var port = options.SiloPort > 0 ? options.SiloPort : FreePort(own);
            if (redis is null)
            {
                // Nobody else can join: the cluster's name, which a silo must know, is drawn here.
                silo.UseLocalhostClustering(
                    port, gatewayPort: 0, new IPEndPoint(IPAddress.Loopback, port), Service, Guid.NewGuid().ToString("n"));
                return;
            }

            silo.Configure<ClusterOptions>(cluster => (cluster.ServiceId, cluster.ClusterId) = (Service, NameOf(redis)));
            silo.ConfigureEndpoints(own, port, gatewayPort: 0);
            silo.UseRedisClustering(clustering => clustering.ConfigurationOptions = redis.ToConfiguration());
            Restore(silo.Services);
            silo.UseRedisGrainDirectoryAsDefault(
                (RedisGrainDirectoryOptions directory) => directory.ConfigurationOptions = redis.ToConfiguration());
            silo.Configure<ClusterMembershipOptions>(Watch);
            if (certificates is not null)
                silo.UseTls(tls => Use(tls, certificates));
        });
        builder.Logging.AddFilter("Orleans", LogLevel.Warning)
            // Advice on garbage collection, and the time before the silo's start taken for a standstill.
            .AddFilter("Orleans.Runtime.Silo", LogLevel.Error)
            .AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error)
            // What it repeats, and says again where it gives up.
            .AddFilter("Polly", LogLevel.None);
        builder.Services.AddSingleton<GrainCalls>();
        builder.Services.AddSingleton<ActivationWatch>();
    }

    /// <summary>Where grains keep what outlives them.</summary>
    private static void AddRecords(ISiloBuilder silo, GatewayOptions options, FewshotOptions defaults, RedisAddress? redis)
    {
        if (options.JobsInMemory)
        {
            silo.AddMemoryGrainStorage(GrainRecords.Storage, memory => memory.GrainStorageSerializer = new RecordSerializer());
        }
        else if (redis is null)
        {
            silo.Services.AddSingleton(_ => new StateFolder(defaults.StateFolder));
            silo.Services.AddHostedService<StateAnnouncement>();
            silo.Services.AddKeyedSingleton<IGrainStorage>(
                GrainRecords.Storage, (provider, _) => new FileGrainStorage(provider.GetRequiredService<StateFolder>().Records));
        }
        else
        {
            silo.AddRedisGrainStorage(GrainRecords.Storage, storage =>
            {
                (storage.ConfigurationOptions, storage.GrainStorageSerializer) = (redis.ToConfiguration(), new RecordSerializer());
                storage.GetStorageKey = (_, grain) => $"{Service}:{grain.Type}:{grain.Key}";
            });
        }

        silo.Services.AddSingleton<GrainRecords>();
    }

    private static void Restore(IServiceCollection services)
    {
        var table = services.Last(service => service.ServiceType == typeof(IMembershipTable));
        services.Remove(table);
        services.AddSingleton<IMembershipTable>(provider => ActivatorUtilities.CreateInstance<RestoringMembershipTable>(
            provider,
            table.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, table.ImplementationType!)));
    }

    /// <summary>A silo that was killed is known to be gone after about six seconds, not half a minute. So is one that stands still as long.</summary>
    private static void Watch(ClusterMembershipOptions membership)
    {
        membership.ProbeTimeout = TimeSpan.FromSeconds(2);
        membership.NumMissedProbesLimit = 3;
        membership.NumVotesForDeathDeclaration = 1;
        // Whoever cannot reach the others is not to send them away.
        membership.EvictWhenMaxJoinAttemptTimeExceeded = false;
        membership.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
        membership.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        // One that has not said so for three times as long keeps no newcomer waiting.
        membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
        membership.DefunctSiloExpiration = TimeSpan.FromHours(1);
        membership.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
    }

    private static IPAddress AddressOf(GatewayOptions options, FewshotOptions defaults)
    {
        if (!string.IsNullOrEmpty(options.SiloAddress))
        {
            return IPAddress.TryParse(options.SiloAddress, out var given) ? given : throw new HostOptionsException(
                "Gateway:SiloAddress must be an IP address at which other gateways reach this one.");
        }

        var listening = ListenAddress.From(defaults).Address;
        // Also where it is loopback: such gateways are on one machine.
        if (!listening.Equals(IPAddress.Any) && !listening.Equals(IPAddress.IPv6Any))
            return listening;
        return Dns.GetHostAddresses(Dns.GetHostName())
            .OrderBy(address => IPAddress.IsLoopback(address)).ThenBy(address => address.AddressFamily).FirstOrDefault()
            ?? throw new HostOptionsException(
                "This machine's own address is not known: set Gateway:SiloAddress to the one at which other gateways reach it.");
    }

    /// <exception cref="HostOptionsException">Others could listen, or join.</exception>
    private static PeerCertificates? CertificatesOf(GatewayOptions options, FewshotOptions defaults, IPAddress own)
    {
        if (!string.IsNullOrEmpty(options.SiloAuthority))
        {
            return string.IsNullOrEmpty(defaults.Certificate)
                ? throw new HostOptionsException("Gateway:SiloAuthority needs Fewshot:Certificate, which gateways show each other.")
                : new PeerCertificates(defaults.Certificate, defaults.CertificateKey, options.SiloAuthority, "Gateway:SiloAuthority");
        }

        return IPAddress.IsLoopback(own) || defaults.Insecure ? null : throw new HostOptionsException(
            $"Refusing to join other gateways at {own} in the clear: set Gateway:SiloAuthority to the authority of the gateways' certificates, "
            + "or Fewshot:Insecure where the network is protected otherwise.");
    }

    private static void Use(TlsOptions tls, PeerCertificates certificates)
    {
        // Orleans insists on it, and uses what is selected below.
        tls.LocalCertificate = certificates.Own;
        tls.LocalServerCertificateSelector = (_, _) => certificates.Own;
        tls.LocalClientCertificateSelector = (_, _, _, _, _) => certificates.Own;
        tls.RemoteCertificateMode = tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (certificate, _, _) => certificates.IsPeer(certificate);
        tls.OnAuthenticateAsClient = (_, authentication) => authentication.TargetHost = "gateway";
    }

    /// <summary>Silos of another cluster are refused; who knows the password of its Redis may join this one.</summary>
    private static string NameOf(RedisAddress redis) => Service + ":" + Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{redis.Database} {redis.Password}"))))[..16];

    private static int FreePort(IPAddress address)
    {
        using var listener = new TcpListener(address, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
