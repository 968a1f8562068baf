using System.Text.Json;
using Fewshot.ServiceDefaults.Tests;

namespace Fewshot.EndToEnd;

/// <summary>The real programs with certificates and tokens between them.</summary>
[Collection(ProgramTests.Name)]
public sealed class SecureTests(Drawings drawings)
{
    [Fact]
    public void Job_OverTlsWithAToken_EndsAndStrangersAreRefused()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestAuthority(Directory.CreateDirectory(folder["tls"]).FullName);
        var (certificate, key) = authority.Server();
        var (tokens, token, other) = (folder["tokens.json"], folder["token"], folder["other"]);
        File.WriteAllText(token, New("acme", tokens));
        File.WriteAllText(other, New("other", tokens));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(tokens) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        using var server = FewshotProcess.Start(
            "serve", "--listen", "https://0.0.0.0:0", "--certificate", certificate, "--certificate-key", key, "--tokens", tokens, "--state", folder["state"]);
        var address = AddressOf(server);
        string[] trusted = ["--gateway", address, "--authority", authority.Root];

        var run = FewshotProcess.Run(CompressTests.Practise(drawings, folder["unused"], folder["out"], ["--tau", "macs", "--token-file", token, .. trusted]));
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.True(File.Exists(Path.Combine(folder["out"], "model.safetensors")));

        Assert.Equal(1, JobsOf(FewshotProcess.Run(["jobs", "--json", "--token-file", token, .. trusted])));
        Assert.Equal(0, JobsOf(FewshotProcess.Run(["jobs", "--json", "--token-file", other, .. trusted])));
        using var byVariable = FewshotProcess.StartWith([("FEWSHOT_TOKEN", File.ReadAllText(token))], ["jobs", "--json", .. trusted]);
        Assert.Equal(1, JobsOf(byVariable.Wait()));

        AssertFails(FewshotProcess.Run(["jobs", .. trusted]), 3, "A token is missing");
        File.WriteAllText(other, "fewshot_mistyped");
        AssertFails(FewshotProcess.Run(["jobs", "--token-file", other, .. trusted]), 3, "The bearer token is unknown");
        AssertFails(FewshotProcess.Run("jobs", "--gateway", address, "--token-file", token), 4, "--authority");
        server.PressControlC();
        var ended = server.Wait();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.DoesNotContain(File.ReadAllText(token), ended.Output + ended.Error + run.Output + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Jobs_WithAClientCertificate_AreTheTenants()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestAuthority(Directory.CreateDirectory(folder["tls"]).FullName);
        var (certificate, key) = authority.Server();
        using var server = FewshotProcess.Start(
            "serve", "--listen", "https://0.0.0.0:0", "--certificate", certificate, "--certificate-key", key, "--client-authority", authority.Root, "--state", folder["state"]);
        string[] trusted = ["--gateway", AddressOf(server), "--authority", authority.Root];
        var (own, ownKey) = authority.Client("acme");
        Assert.Equal(0, JobsOf(FewshotProcess.Run(["jobs", "--json", "--client-certificate", own, "--client-key", ownKey, .. trusted])));
        AssertFails(FewshotProcess.Run(["jobs", .. trusted]), 3, "A client certificate is missing");
    }

    [Theory]
    [InlineData(2, "in the clear", "jobs", "--gateway", "http://192.0.2.1:5210", "--token-file", "TOKEN")]
    [InlineData(2, "needs an https:// address", "jobs", "--gateway", "http://127.0.0.1:5210", "--authority", "TOKEN")]
    [InlineData(2, "--token-file goes with --gateway", "jobs", "--token-file", "TOKEN")]
    [InlineData(3, "--token-file: '", "jobs", "--gateway", "http://127.0.0.1:5210", "--token-file", "nowhere")]
    [InlineData(3, "--authority is no readable file", "jobs", "--gateway", "https://127.0.0.1:5210", "--authority", "nowhere")]
    [InlineData(2, "--tenant takes", "token", "new", "--tenant", "A B")]
    [InlineData(3, "is no file of tenants", "token", "new", "--tenant", "acme", "--file", "TOKEN")]
    [InlineData(3, "--tokens: '", "serve", "--listen", "http://127.0.0.1:0", "--tokens", "nowhere")]
    [InlineData(3, "--client-authority needs https", "serve", "--listen", "http://127.0.0.1:0", "--client-authority", "TOKEN")]
    public void Access_WrongOptions_AreNamed(int exitCode, string named, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["token"], "a-token");
        string[] state = arguments[0] == "token" ? [] : ["--state", folder["state"]];
        var run = FewshotProcess.Run([.. arguments.Select(argument => argument == "TOKEN" ? folder["token"] : argument), .. state]);
        AssertFails(run, exitCode, named);
    }

    [Fact]
    public void Serve_BeyondThisMachineWithoutCallersNames_IsRefusedUnlessInsecure()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestAuthority(Directory.CreateDirectory(folder["tls"]).FullName);
        var (certificate, key) = authority.Server();
        string[] serve = ["serve", "--listen", "https://0.0.0.0:0", "--certificate", certificate, "--certificate-key", key, "--state", folder["state"]];
        AssertFails(FewshotProcess.Run(serve), 3, "Set --tokens to a file of tenants");
        using var insecure = FewshotProcess.Start([.. serve, "--insecure"]);
        Assert.StartsWith("https://127.0.0.1:", AddressOf(insecure), StringComparison.Ordinal);
    }

    private static string New(string tenant, string file)
    {
        var made = FewshotProcess.Run("token", "new", "--tenant", tenant, "--file", file);
        Assert.True(made.ExitCode == 0, made.ToString());
        Assert.Matches("^fewshot_[A-Za-z0-9_-]{43}\n$", made.Output.ReplaceLineEndings("\n"));
        return made.Output.Trim();
    }

    private static int JobsOf(Finished run)
    {
        Assert.True(run.ExitCode == 0, run.ToString());
        using var listed = JsonDocument.Parse(run.Output);
        return listed.RootElement.GetProperty("jobs").GetArrayLength();
    }

    private static void AssertFails(Finished run, int exitCode, string named)
    {
        Assert.True(run.ExitCode == exitCode, run.ToString());
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
    }

    private static string AddressOf(FewshotProcess server)
    {
        var line = server.WaitForLine(text => text.Contains("serves on", StringComparison.Ordinal));
        return line.Split(' ').First(word => word.StartsWith("https://", StringComparison.Ordinal)).TrimEnd(';').Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal);
    }
}
