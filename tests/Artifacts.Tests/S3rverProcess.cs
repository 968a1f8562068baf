using System.Globalization;
using System.Net.Sockets;
using Fewshot.Artifacts.S3;

namespace Fewshot.Artifacts.Tests;

/// <summary>A real S3-speaking server, npm's s3rver, over a folder of its own, with one bucket.</summary>
public sealed class S3rverProcess : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly int port = ServerProcess.FreePort();
    private ServerProcess? process;

    static S3rverProcess() => UseCredentials();

    /// <summary>Where it keeps objects, as files.</summary>
    public string Folder => folder.Path;

    public S3Location Location => S3Location.Parse("s3://fewshot-tests/some/prefix") with { Endpoint = new Uri($"http://127.0.0.1:{port}") };

    /// <summary>The only credentials that s3rver takes, where the SDK looks for them.</summary>
    public static void UseCredentials()
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "S3RVER");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", "S3RVER");
    }

    public async Task InitializeAsync()
    {
        var program = Path.Combine(Root(), "artifacts", "s3rver", "node_modules", "s3rver", "bin", "s3rver.js");
        Assert.True(File.Exists(program), "s3rver is missing: 'make setup' installs it.");
        process = new ServerProcess(
            // Its marks of where a list goes on are encrypted with what OpenSSL 3 has put away.
            "node", "--openssl-legacy-provider", program, "-d", folder.Path, "-a", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-s", "--no-vhost-buckets", "--configure-bucket", "fewshot-tests");
        await Poll.UntilAsync(AnswersAsync);
    }

    Task IAsyncLifetime.DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        process?.Dispose();
        folder.Dispose();
    }

    private static string Root()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Microservices.sln")))
            root = Path.GetDirectoryName(root) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return root;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
