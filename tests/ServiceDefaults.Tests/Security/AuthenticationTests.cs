using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class AuthenticationTests : IDisposable
{
    private readonly StateFolder state = new();

    private string Tokens => Path.Combine(state.Path, "tokens.json");

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task Token_KnownUnknownMalformedMissing_EachIsTold()
    {
        Write("acme", "secret");
        await using var host = await SecuredHost.StartAsync(state, options => options.Tokens = Tokens);
        Assert.Equal(StatusCode.OK, (await AskAsync(host, "secret")).StatusCode);
        AssertRefused("A token is missing: send the metadata 'authorization: Bearer TOKEN' (fewshot: --token-file or FEWSHOT_TOKEN).", await AskAsync(host, null));
        var unknown = await AskAsync(host, "another");
        AssertRefused("The bearer token is unknown here", unknown);
        Assert.DoesNotContain("another", unknown.Detail, StringComparison.Ordinal);
        using var open = GrpcChannel.ForAddress(host.Address);
        var basic = await Assert.ThrowsAsync<RpcException>(() => new Stages.V1.StepService.StepServiceClient(open)
            .CancelStepAsync(new Stages.V1.CancelStepRequest(), new Metadata { { "authorization", "Basic c2VjcmV0" } }).ResponseAsync);
        AssertRefused("must be 'Bearer TOKEN', once", basic.Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await SecuredHost.HealthAsync(open));
    }

    [Fact]
    public async Task Token_FileChanges_CountsWithoutARestartAndABrokenFileKeepsTheLast()
    {
        Write("acme", "first");
        await using var host = await SecuredHost.StartAsync(state, options => options.Tokens = Tokens);
        Assert.Equal(StatusCode.OK, (await AskAsync(host, "first")).StatusCode);
        Write("acme", "second");
        await UntilAsync(async () => (await AskAsync(host, "second")).StatusCode == StatusCode.OK);
        Assert.Equal(StatusCode.Unauthenticated, (await AskAsync(host, "first")).StatusCode);

        File.WriteAllText(Tokens, "{");
        var callers = host.Services.GetRequiredService<Callers>();
        var broken = System.Diagnostics.Stopwatch.StartNew();
        await UntilAsync(async () => (await AskAsync(host, "second")).StatusCode == StatusCode.OK && broken.Elapsed > TimeSpan.FromSeconds(1.5));
        Assert.True(callers.Secured);
        Write("acme", "third");
        await UntilAsync(async () => (await AskAsync(host, "third")).StatusCode == StatusCode.OK);
    }

    [Fact]
    public async Task Own_HostOfAGateway_ServesTheRestToItselfAlone()
    {
        Write("acme", "secret");
        await using var host = await SecuredHost.StartAsync(state, options => options.Tokens = Tokens, ownOnly: true);
        Assert.Equal(StatusCode.PermissionDenied, (await AskAsync(host, "secret")).StatusCode);
        Assert.Equal(StatusCode.Unauthenticated, (await AskAsync(host, null)).StatusCode);
        Assert.Equal(StatusCode.OK, (await AskAsync(host, host.Services.GetRequiredService<Callers>().OwnToken)).StatusCode);
    }

    [Fact]
    public async Task Loopback_NothingSet_TakesEverybody()
    {
        await using var host = await SecuredHost.StartAsync(state, _ => { }, ownOnly: true);
        Assert.Equal(StatusCode.OK, (await AskAsync(host, null)).StatusCode);
        Assert.Equal(StatusCode.OK, (await AskAsync(host, "whatever")).StatusCode);
    }

    [Fact]
    public async Task Certificate_OfTheAuthority_NamesTheTenantAndOthersAreTold()
    {
        using var authority = new TestAuthority(state.Path);
        using var stranger = new TestAuthority(state.Path, "stranger");
        var server = authority.Server();
        await using var host = await SecuredHost.StartAsync(state, options =>
        {
            (options.Listen, options.Certificate, options.CertificateKey) = ("https://0.0.0.0:0", server.Certificate, server.Key);
            options.ClientAuthority = authority.Root;
        });
        Assert.Equal(StatusCode.OK, (await AskAsync(authority, host, authority.Client("acme"))).StatusCode);
        Assert.Equal(StatusCode.OK, (await AskAsync(authority, host, authority.Client("Not A Name", alternatives: "acme.example"))).StatusCode);
        AssertRefused("A client certificate is missing", await AskAsync(authority, host, null));
        AssertRefused("not one of this server's authority", await AskAsync(authority, host, stranger.Client("acme")));
        AssertRefused("not for client authentication", await AskAsync(authority, host, authority.Client("acme", forServers: true)));
        AssertRefused("not one of this server's authority that is valid now", await AskAsync(authority, host, authority.Client("acme", days: 0)));
        AssertRefused("are no tenant's name", await AskAsync(authority, host, authority.Client("Not A Name")));
    }

    [Fact]
    public async Task Certificate_FilesAreReplaced_AppliesToNewConnections()
    {
        using var before = new TestAuthority(state.Path, "before");
        using var after = new TestAuthority(state.Path, "after");
        var (server, next) = (before.Server(), after.Server());
        await using var host = await SecuredHost.StartAsync(state, options =>
        {
            (options.Listen, options.Certificate, options.CertificateKey) = ("https://0.0.0.0:0", server.Certificate, server.Key);
            options.ClientAuthority = before.Root;
        });
        var (oldClient, newClient) = (before.Client("acme"), after.Client("acme"));
        Assert.Equal(StatusCode.OK, (await AskAsync(before, host, oldClient)).StatusCode);
        // A handshake that fails is INTERNAL to gRPC.
        Assert.Equal(StatusCode.Internal, (await AskAsync(after, host, newClient)).StatusCode);

        // The key alone does not match the certificate: the last good pair stays.
        File.Copy(next.Key, server.Key, overwrite: true);
        var broken = System.Diagnostics.Stopwatch.StartNew();
        await UntilAsync(async () =>
            (await AskAsync(before, host, oldClient)).StatusCode == StatusCode.OK && broken.Elapsed > TimeSpan.FromSeconds(1.5));

        File.Copy(next.Certificate, server.Certificate, overwrite: true);
        await UntilAsync(async () =>
            (await AskAsync(after, host, newClient)).Detail.Contains("not one of this server's authority", StringComparison.Ordinal));
        Assert.Contains("not issued by the trusted authority", (await AskAsync(before, host, oldClient)).Detail, StringComparison.Ordinal);
        File.Copy(after.Root, before.Root, overwrite: true);
        await UntilAsync(async () => (await AskAsync(after, host, newClient)).StatusCode == StatusCode.OK);
        AssertRefused("not one of this server's authority", await AskAsync(after, host, oldClient));
    }

    [Fact]
    public async Task Trust_AuthorityIsReplaced_AppliesToAnOpenChannel()
    {
        using var before = new TestAuthority(state.Path, "before");
        using var after = new TestAuthority(state.Path, "after");
        var next = after.Server();
        Write("acme", "secret");
        await using var host = await SecuredHost.StartAsync(state, options =>
        {
            (options.Listen, options.Certificate, options.CertificateKey) = ("https://0.0.0.0:0", next.Certificate, next.Key);
            options.Tokens = Tokens;
        });
        using var channel = before.Connect(host.Address, "secret");
        Assert.Equal(StatusCode.Internal, (await SecuredHost.AskAsync(channel)).StatusCode);
        File.Copy(after.Root, before.Root, overwrite: true);
        await UntilAsync(async () => (await SecuredHost.AskAsync(channel)).StatusCode == StatusCode.OK);
    }

    [Fact]
    public async Task TokenOrCertificate_BothSet_EitherWillDoForTheTenantsOfTheFile()
    {
        Write("acme", "secret");
        using var authority = new TestAuthority(state.Path);
        var server = authority.Server();
        await using var host = await SecuredHost.StartAsync(state, options =>
        {
            (options.Listen, options.Certificate, options.CertificateKey) = ("https://0.0.0.0:0", server.Certificate, server.Key);
            (options.ClientAuthority, options.Tokens) = (authority.Root, Tokens);
        });
        using var byToken = authority.Connect(host.Address, "secret");
        Assert.Equal(StatusCode.OK, (await SecuredHost.AskAsync(byToken)).StatusCode);
        Assert.Equal(StatusCode.OK, (await AskAsync(authority, host, authority.Client("acme"))).StatusCode);
        AssertRefused("its tenant 'other' is not in the server's file of tokens", await AskAsync(authority, host, authority.Client("other")));
        // A wrong token is not made good by a certificate.
        using var both = authority.Connect(host.Address, "wrong", authority.Client("acme"));
        AssertRefused("The bearer token is unknown", await SecuredHost.AskAsync(both));
    }

    [Theory]
    [InlineData("https://0.0.0.0:0", false, false, "callers without a name")]
    [InlineData("http://127.0.0.1:0", false, true, "Fewshot:ClientAuthority needs https")]
    [InlineData("http://0.0.0.0:0", true, false, "without TLS")]
    public void AddFewshotDefaults_NotSecure_RefusesToStart(string listen, bool tokens, bool authority, string why) => Assert.Contains(why, Refusal(options =>
    {
        Write("acme", "secret");
        using var made = new TestAuthority(state.Path);
        var server = made.Server();
        (options.Listen, options.Certificate, options.CertificateKey) = (listen, server.Certificate, server.Key);
        options.Tokens = tokens ? Tokens : null;
        options.ClientAuthority = authority ? made.Root : null;
    }), StringComparison.Ordinal);

    [Fact]
    public void AddFewshotDefaults_BrokenFiles_RefusesToStartNamingTheField()
    {
        Assert.Contains("Fewshot:Tokens: '/nowhere/tokens.json' cannot be read", Refusal(options => options.Tokens = "/nowhere/tokens.json"), StringComparison.Ordinal);
        File.WriteAllText(Tokens, """{"tenants": [{"name": "A", "tokens": []}]}""");
        Assert.Contains("tenants[0].name must be", Refusal(options => options.Tokens = Tokens), StringComparison.Ordinal);
        Assert.Contains("Fewshot:MaxConnections must be above 0", Refusal(options => options.MaxConnections = 0), StringComparison.Ordinal);
    }

    private string Refusal(Action<FewshotOptions> configure) => Assert.Throws<HostOptionsException>(() => Microsoft.AspNetCore.Builder.WebApplication.CreateBuilder().AddFewshotDefaults(options =>
    {
        (options.StateFolder, options.Listen) = (state.Path, "http://127.0.0.1:0");
        configure(options);
    })).Message;

    private void Write(string tenant, string token)
    {
        File.WriteAllText(Tokens + ".new", $$"""{"tenants": [{"name": "{{tenant}}", "tokens": ["{{BearerToken.DigestOf(token)}}"]}]}""");
        File.Move(Tokens + ".new", Tokens, overwrite: true);
    }

    private static async Task<Status> AskAsync(SecuredHost host, string? token)
    {
        using var channel = SecuredHost.Connect(host.Address, token);
        return await SecuredHost.AskAsync(channel);
    }

    private static async Task<Status> AskAsync(TestAuthority authority, SecuredHost host, (string, string)? certificate)
    {
        using var channel = authority.Connect(host.Address, certificate: certificate);
        return await SecuredHost.AskAsync(channel);
    }

    private static void AssertRefused(string why, Status status)
    {
        Assert.Equal(StatusCode.Unauthenticated, status.StatusCode);
        Assert.Contains(why, status.Detail, StringComparison.Ordinal);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await condition())
            await Task.Delay(50, patience.Token);
    }
}
