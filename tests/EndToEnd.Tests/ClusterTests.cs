using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class ClusterTests(Drawings drawings)
{
    [SkippableTheory]
    [InlineData("files")]
    [InlineData("servers")]
    public void Cluster_ThreeWorkersOneOfThemKilled_EndsInTheModelOfOneProcess(string stores)
    {
        Skip.If(stores == "servers" && !File.Exists("/usr/bin/redis-server"), "redis-server is not installed");
        using var folder = new TemporaryFolder();
        var alone = FewshotProcess.Run(Job(folder["state"], folder["alone"]));
        Assert.True(alone.ExitCode == 0, alone.ToString());
        var gateway = FreeAddress();
        using var cluster = FewshotProcess.Start(
            "cluster", "--workers", "3", "--stores", stores, "--threads", "1", "--listen", gateway, "--state", folder["cluster"], "--json");
        using var started = JsonDocument.Parse(cluster.WaitForLine(line => line.Contains("processes", StringComparison.Ordinal)));
        Assert.Equal(stores == "files" ? 13 : 15, started.RootElement.GetProperty("processes").GetArrayLength());

        using var job = FewshotProcess.Start([.. Job(folder["unused"], folder["spread"]), "--gateway", gateway, "--json"]);
        job.WaitForLine(line => CompressTests.IsProgress(line, "trials"));
        Kill(started.RootElement, "block-trial-2");
        cluster.WaitForLine(line => line.Contains("block-trial-2", StringComparison.Ordinal) && line.Contains("started again", StringComparison.Ordinal));
        var spread = job.Wait();

        Assert.True(spread.ExitCode == 0, spread.ToString());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["alone"], "model.safetensors")), File.ReadAllBytes(Path.Combine(folder["spread"], "model.safetensors")));
        cluster.PressControlC();
        var ended = cluster.Wait();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.All(started.RootElement.GetProperty("processes").EnumerateArray(), one => Assert.False(Runs(one), one.ToString()));
    }

    [Fact]
    public void Cluster_SecondOneInTheSameFolder_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var first = FewshotProcess.Start("cluster", "--workers", "1", "--stores", "files", "--listen", FreeAddress(), "--state", folder["cluster"]);
        first.WaitForLine(line => line.Contains("the cluster runs", StringComparison.Ordinal));
        var second = FewshotProcess.Run("cluster", "--workers", "1", "--stores", "files", "--listen", FreeAddress(), "--state", folder["cluster"]);
        Assert.True(second.ExitCode == 4, second.ToString());
        Assert.Contains("another cluster runs", second.Error, StringComparison.Ordinal);
        first.PressControlC();
        Assert.Equal(0, first.Wait().ExitCode);
    }

    private string[] Job(string state, string output) => CompressTests.Practise(drawings, state, output, 40, 6, "--tau", "macs", "--threads", "1");

    private static string FreeAddress()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
    }

    private static void Kill(JsonElement cluster, string name)
    {
        var one = cluster.GetProperty("processes").EnumerateArray().Single(process => process.GetProperty("name").GetString() == name);
        using var process = Process.GetProcessById(one.GetProperty("process").GetInt32());
        process.Kill();
    }

    private static bool Runs(JsonElement one)
    {
        var about = $"/proc/{one.GetProperty("process").GetInt32()}/environ";
        return File.Exists(about) && File.ReadAllText(about).Contains(one.GetProperty("port").ToString(), StringComparison.Ordinal);
    }
}
