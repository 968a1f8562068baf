using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Fewshot.Artifacts.Tests;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fewshot.Gateway.Tests;

/// <summary>A gateway without keys gets temporary ones for its pod's role: by web identity (IRSA), or by EKS Pod Identity.</summary>
public sealed class S3CredentialTests : IDisposable
{
    private const string Session = "session-of-the-pod";
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("web identity")]
    [InlineData("pod identity")]
    public async Task Start_PodHasARole_UsesItsTemporaryKeys(string source)
    {
        await using var store = await S3Stub.StartedAsync();
        var tokens = new ConcurrentQueue<string>();
        store.Fault = context =>
        {
            tokens.Enqueue(context.Request.Headers["x-amz-security-token"].ToString());
            return Task.FromResult(false);
        };
        var asked = new ConcurrentQueue<string>();
        await using var issuer = await IssuerAsync(asked);
        var token = Path.Combine(folder.Path, "token");
        await File.WriteAllTextAsync(token, "token-of-the-pod");
        var (port, health) = (ServerProcess.FreePort(), ServerProcess.FreePort());
        var start = new ProcessStartInfo(Environment.ProcessPath!,
        [
            "exec", Path.Combine(AppContext.BaseDirectory, "Fewshot.Gateway.dll"),
            $"--Fewshot:StateFolder={folder.Path}/state", $"--Fewshot:Listen=http://127.0.0.1:{port}",
            $"--Fewshot:HealthListen=http://127.0.0.1:{health}",
            "--Fewshot:Artifacts=s3://bucket/prefix", $"--Fewshot:S3Endpoint={store.Location.Endpoint}",
        ]) { RedirectStandardError = true, UseShellExecute = false };
        foreach (var inherited in start.Environment.Keys.Where(name => name.StartsWith("AWS_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(inherited);
        (string Name, string Value)[] given = source == "web identity"
            ?
            [
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/fewshot"), ("AWS_WEB_IDENTITY_TOKEN_FILE", token),
                ("AWS_ENDPOINT_URL_STS", issuer.Urls.First()), ("AWS_REGION", "eu-central-1"),
            ]
            :
            [
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", issuer.Urls.First() + "/v1/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token),
            ];
        foreach (var (name, value) in given)
            start.Environment[name] = value;
        using var gateway = Process.Start(start)!;
        try
        {
            _ = gateway.StandardError.ReadToEndAsync(); // a full pipe would block it
            using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{health}");
            await Poll.UntilAsync(async () => !gateway.HasExited && await ServesAsync(channel));
            Assert.Contains(Session, tokens);
            Assert.DoesNotContain("", tokens);
            Assert.Contains("token-of-the-pod", asked.First(), StringComparison.Ordinal);
        }
        finally
        {
            gateway.Kill();
            await gateway.WaitForExitAsync();
        }
    }

    private static async Task<bool> ServesAsync(GrpcChannel channel)
    {
        try
        {
            var answer = await new Health.HealthClient(channel).CheckAsync(
                new HealthCheckRequest { Service = "readiness" }, deadline: DateTime.UtcNow.AddSeconds(10));
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    /// <summary>As much of both credential endpoints, STS and the node's agent, as the SDK asks for.</summary>
    private static async Task<WebApplication> IssuerAsync(ConcurrentQueue<string> asked)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync();
            asked.Enqueue($"{context.Request.Path} {context.Request.Headers.Authorization} {Uri.UnescapeDataString(body)}");
            var end = DateTime.UtcNow.AddHours(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
            var forPod = context.Request.Method == "GET";
            context.Response.ContentType = forPod ? "application/json" : "text/xml";
            await context.Response.WriteAsync(forPod
                ? $$"""{"AccessKeyId": "ASIA1", "SecretAccessKey": "secret", "Token": "{{Session}}", "Expiration": "{{end}}"}"""
                : $"""
                <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
                <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
                <SessionToken>{Session}</SessionToken><Expiration>{end}</Expiration></Credentials>
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                """);
        });
        await app.StartAsync();
        return app;
    }
}
