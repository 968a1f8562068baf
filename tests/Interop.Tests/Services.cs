using Fewshot.EndToEnd;

namespace Fewshot.Interop;

/// <summary>All services in one process of their own, and images for them.</summary>
public sealed class Services : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FewshotProcess server;

    public Services()
    {
        var drawn = FewshotProcess.Run("samples", "--out", folder["images"], "--train", "2", "--test", "0");
        Assert.True(drawn.ExitCode == 0, drawn.ToString());
        Images = [.. Directory.GetFiles(folder["images"], "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        server = FewshotProcess.Start("serve", "--listen", "http://127.0.0.1:0", "--state", folder["state"]);
        var line = server.WaitForLine(text => text.Contains("serves on", StringComparison.Ordinal));
        Address = line.Split(' ').First(word => word.StartsWith("http://", StringComparison.Ordinal)).TrimEnd(';')["http://".Length..];
    }

    /// <summary>Host and port.</summary>
    public string Address { get; }

    public IReadOnlyList<string> Images { get; }

    public string Protos => Path.Combine(Places.Root, "protos");

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
    }
}
