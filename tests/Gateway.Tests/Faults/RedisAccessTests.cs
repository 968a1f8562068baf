using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults.Tests;

namespace Fewshot.Gateway.Tests;

/// <summary>A Redis behind TLS whose user may do with Fewshot's keys what Fewshot does, and nothing else.</summary>
public sealed class RedisAccessTests : IDisposable
{
    private const string User = "fewshot", Password = "0123456789abcdef";
    private readonly TemporaryFolder folder = new();
    private readonly TestAuthority authority;
    private readonly ServerProcess redis;
    private readonly int port = ServerProcess.FreePort();

    public RedisAccessTests()
    {
        authority = new TestAuthority(folder.Path);
        var (certificate, key) = authority.Server();
        redis = new ServerProcess(
            "redis-server", "--port", "0", "--tls-port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1",
            "--dir", folder.Path, "--save", "",
            "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority.Root, "--tls-auth-clients", "no",
            "--user", "default", "off",
            "--user", User, "on", ">" + Password, "~fewshot:*", "&fewshot:*", "+@all", "-@admin", "-@dangerous", "+info");
    }

    private RedisAddress Address => RedisAddress.Parse($"rediss://127.0.0.1:{port}") with
    {
        User = User, Password = Password, Authority = authority.Root,
    };

    public void Dispose()
    {
        redis.Dispose();
        authority.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Job_RedisWithUserAndTls_Succeeds()
    {
        await using var rig = new GatewayRig($"rediss://127.0.0.1:{port}");
        rig.Defaults = options => (options.RedisUser, options.RedisPassword, options.RedisAuthority) = (User, Password, authority.Root);
        await rig.StartAsync();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id)).State);
    }

    [Theory]
    [InlineData(User, "wrong", true)]
    [InlineData("nobody", Password, true)]
    [InlineData(User, Password, false)]
    public async Task RunAsync_NotLetIn_NamesTheServerAndNoPassword(string user, string password, bool trusted)
    {
        using var good = new RedisServer(Address);
        await good.RunAsync(database => database.PingAsync());
        var address = Address with { User = user, Password = password, Authority = trusted ? authority.Root : null };
        using var server = new RedisServer(address, patience: TimeSpan.FromSeconds(1));
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => server.RunAsync(database => database.PingAsync()));
        Assert.Contains($"rediss://127.0.0.1:{port}/0", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(password, error.Message, StringComparison.Ordinal);
    }
}
