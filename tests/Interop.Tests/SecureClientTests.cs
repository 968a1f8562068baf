using Fewshot.EndToEnd;
using Fewshot.ServiceDefaults.Tests;

namespace Fewshot.Interop;

/// <summary>TLS and tokens with another language's own means.</summary>
public sealed class SecureClientTests
{
    [SkippableFact]
    public void Python_TlsAndToken_AreServedAndOthersAreTold()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestAuthority(Directory.CreateDirectory(folder["tls"]).FullName);
        var (certificate, key) = authority.Server();
        var token = FewshotProcess.Run("token", "new", "--tenant", "acme", "--file", folder["tokens.json"]);
        File.WriteAllText(folder["token"], token.Output);
        using var server = FewshotProcess.Start("serve", "--listen", "https://127.0.0.1:0", "--certificate", certificate, "--certificate-key", key,
            "--tokens", folder["tokens.json"], "--state", folder["state"]);
        var line = server.WaitForLine(text => text.Contains("serves on", StringComparison.Ordinal));
        var address = line.Split(' ').First(word => word.StartsWith("https://", StringComparison.Ordinal)).TrimEnd(';')["https://".Length..];

        var seen = Peer.RunPython("secure.py", address, Path.Combine(Places.Root, "protos"), authority.Root, folder["token"]);

        Assert.Equal(("from python", 0), (seen.GetProperty("mine").GetString(), seen.GetProperty("jobs").GetInt32()));
        Assert.StartsWith("UNAUTHENTICATED A token is missing: send the metadata 'authorization: Bearer TOKEN'", seen.GetProperty("none").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("UNAUTHENTICATED The bearer token is unknown", seen.GetProperty("wrong").GetString(), StringComparison.Ordinal);
    }
}
