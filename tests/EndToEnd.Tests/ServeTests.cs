using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class ServeTests(Drawings drawings)
{
    [Fact]
    public void Serve_FromASecondProcess_CompressesAndListsTheJob()
    {
        using var folder = new TemporaryFolder();
        using var server = FewshotProcess.Start("serve", "--listen", "http://127.0.0.1:0", "--state", folder["state"]);
        var address = AddressOf(server);
        var run = FewshotProcess.Run(CompressTests.Practise(drawings, folder["unused"], folder["out"], "--tau", "macs", "--gateway", address));
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.True(File.Exists(Path.Combine(folder["out"], "model.safetensors")));
        Assert.False(Directory.Exists(folder["unused"]));

        var jobs = FewshotProcess.Run("jobs", "--gateway", address, "--json");
        using var listed = JsonDocument.Parse(jobs.Output);
        var job = listed.RootElement.GetProperty("jobs")[0];
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        var watched = FewshotProcess.Run("watch", job.GetProperty("job_id").GetString()!, "--gateway", address);
        Assert.True(watched.ExitCode == 0, watched.ToString());
        Assert.Contains("succeeded", watched.Output, StringComparison.Ordinal);

        server.PressControlC();
        var ended = server.Wait();
        Assert.True(ended.ExitCode == 0, ended.ToString());
    }

    [Fact]
    public void Cancel_FromASecondProcess_EndsTheJob()
    {
        using var folder = new TemporaryFolder();
        using var running = FewshotProcess.Start(CompressTests.Practise(
            drawings, folder["state"], folder["out"], 5000, 6, "--tau", "macs", "--json"));
        running.WaitForLine(line => CompressTests.IsProgress(line, "trials"));
        var jobs = FewshotProcess.Run("jobs", "--state", folder["state"], "--json");
        using var listed = JsonDocument.Parse(jobs.Output);
        var id = listed.RootElement.GetProperty("jobs")[0].GetProperty("job_id").GetString()!;
        var cancelled = FewshotProcess.Run("cancel", id, "--state", folder["state"]);
        Assert.True(cancelled.ExitCode == 0, cancelled.ToString());
        var ended = running.Wait();
        Assert.True(ended.ExitCode == 7, ended.ToString());
        Assert.Contains("was cancelled", ended.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder["out"]));
    }

    [Fact]
    public void Watch_UnknownJob_IsNamed()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run("watch", "job-0123456789abcdef0123", "--state", folder["state"]);
        Assert.True(run.ExitCode == 3, run.ToString());
        Assert.Contains("job-0123456789abcdef0123", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Serve_PortInUse_SaysSo()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var folder = new TemporaryFolder();
        var address = $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        var run = FewshotProcess.Run("serve", "--listen", address, "--state", folder["state"]);
        Assert.True(run.ExitCode == 4, run.ToString());
        Assert.Contains($"{address} is in use", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Serve_BeyondThisMachineWithoutTls_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run("serve", "--listen", "http://0.0.0.0:0", "--state", folder["state"]);
        Assert.True(run.ExitCode == 3, run.ToString());
        Assert.Contains("TLS", run.Error, StringComparison.Ordinal);
    }

    internal static string AddressOf(FewshotProcess server)
    {
        var line = server.WaitForLine(text => text.Contains("serves on", StringComparison.Ordinal));
        return line.Split(' ').First(word => word.StartsWith("http://", StringComparison.Ordinal)).TrimEnd(';');
    }
}
