namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class ClusterTests(Drawings drawings)
{
    private const string RedisServer = "/usr/bin/redis-server";

    [SkippableTheory]
    [InlineData("files")]
    [InlineData("servers")]
    public void Cluster_ThreeWorkersOneOfThemKilled_EndsInTheModelOfOneProcess(string stores)
    {
        Skip.If(stores == "servers" && !File.Exists(RedisServer), "redis-server is not installed");
        using var folder = new TemporaryFolder();
        var alone = FewshotProcess.Run(Job(1, folder["state"], folder["alone"]));
        Assert.True(alone.ExitCode == 0, alone.ToString());
        using var cluster = new RunningCluster(3, stores);
        Assert.Equal(stores == "files" ? 13 : 15, cluster.Processes.Count);

        using var job = FewshotProcess.Start([.. Job(1, folder["unused"], folder["spread"]), "--gateway", cluster.Gateway, "--json"]);
        job.WaitForLine(line => CompressTests.IsProgress(line, "trials"));
        cluster.Kill("block-trial-2");

        AssertSame(job, folder["alone"], folder["spread"]);
        cluster.Stop();
    }

    /// <summary>After each fault the job ends, and in the bytes of the undisturbed run.</summary>
    [SkippableFact]
    public void Cluster_Faults_LoseNothing()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        using var folder = new TemporaryFolder();
        using var cluster = new RunningCluster(2, "servers");
        (string Name, string Stage, Action Fault)[] faults =
        [
            ("both finetuners are killed", "finetune", () =>
            {
                cluster.Kill("finetuner-1");
                cluster.Kill("finetuner-2");
            }),
            ("Redis is killed", "trials", () => cluster.Kill("redis")),
            ("Redis forgets everything", "finetune", () => Redis(cluster, "FLUSHALL")),
            ("the S3 server is killed", "trials", () => cluster.Kill("s3")),
            ("a worker stands still for five seconds", "trials", () =>
            {
                cluster.Signal("block-trial-1", "STOP");
                using var stopped = System.Diagnostics.Process.GetProcessById(cluster.Processes["block-trial-1"].Id);
                Assert.False(stopped.WaitForExit(TimeSpan.FromSeconds(5)));
                cluster.Signal("block-trial-1", "CONT");
            }),
        ];
        foreach (var (seed, (name, stage, fault)) in faults.Index())
        {
            var (alone, disturbed) = (folder[$"alone{seed}"], folder[$"disturbed{seed}"]);
            var undisturbed = FewshotProcess.Run(Job(seed, folder["state"], alone));
            Assert.True(undisturbed.ExitCode == 0, undisturbed.ToString());
            using var job = FewshotProcess.Start([.. Job(seed, folder["unused"], disturbed), "--gateway", cluster.Gateway, "--json"]);
            job.WaitForLine(line => CompressTests.IsProgress(line, stage));
            fault();
            AssertSame(job, alone, disturbed, name);
        }

        cluster.Stop();
    }

    /// <summary>As one that is killed leaves it.</summary>
    [SkippableFact]
    public void Cluster_S3ServerKilledBeforeItWroteAnObjectsMetadata_ServesTheObjectAgain()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        using var folder = new TemporaryFolder();
        using var cluster = new RunningCluster(1, "servers");
        var first = FewshotProcess.Run([.. Job(1, folder["unused"], folder["first"]), "--gateway", cluster.Gateway]);
        Assert.True(first.ExitCode == 0, first.ToString());
        string[] metadata = [.. Directory.EnumerateFiles(Path.Combine(cluster.State, "s3"), "*._S3rver_metadata.json", SearchOption.AllDirectories)];
        Assert.NotEmpty(metadata);
        foreach (var file in metadata)
            File.WriteAllBytes(file, []);
        cluster.Kill("s3");
        var second = FewshotProcess.Run([.. Job(1, folder["unused"], folder["second"]), "--gateway", cluster.Gateway]);
        Assert.True(second.ExitCode == 0, second.ToString());
        Assert.Contains("done before", second.Error, StringComparison.Ordinal);
        cluster.Stop();
    }

    [Fact]
    public void Cluster_SecondOneInTheSameFolder_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var first = FewshotProcess.Start("cluster", "--workers", "1", "--stores", "files", "--listen", RunningCluster.FreeAddress(), "--state", folder["cluster"]);
        first.WaitForLine(line => line.Contains("the cluster runs", StringComparison.Ordinal));
        var second = FewshotProcess.Run("cluster", "--workers", "1", "--stores", "files", "--listen", RunningCluster.FreeAddress(), "--state", folder["cluster"]);
        Assert.True(second.ExitCode == 4, second.ToString());
        Assert.Contains("another cluster runs", second.Error, StringComparison.Ordinal);
        first.PressControlC();
        Assert.Equal(0, first.Wait().ExitCode);
    }

    private string[] Job(int seed, string state, string output)
    {
        var job = CompressTests.Practise(drawings, state, output, 20, 20, "--tau", "macs", "--threads", "1");
        job[Array.IndexOf(job, "--seed") + 1] = $"{100 + seed}"; // another job each time: nothing of it is done yet
        return job;
    }

    private static void AssertSame(FewshotProcess job, string alone, string other, string fault = "")
    {
        var ended = job.Wait();
        Assert.True(ended.ExitCode == 0, $"{fault}: {ended}");
        Assert.True(File.ReadAllBytes(Path.Combine(alone, "model.safetensors")).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(other, "model.safetensors"))), $"{fault}: another model");
    }

    internal static void Redis(RunningCluster cluster, string command)
    {
        using var client = new System.Net.Sockets.TcpClient("127.0.0.1", cluster.Processes["redis"].Port);
        using var stream = client.GetStream();
        stream.Write(System.Text.Encoding.ASCII.GetBytes(command + "\r\n"));
        Span<byte> answer = stackalloc byte[5];
        stream.ReadExactly(answer);
        Assert.Equal("+OK\r\n", System.Text.Encoding.ASCII.GetString(answer));
    }
}
