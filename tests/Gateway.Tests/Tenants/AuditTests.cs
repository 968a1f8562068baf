using System.Text.Json;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.Gateway.Tests;

public sealed class AuditTests
{
    private const string Secret = "not-a-token-of-anybody";

    [Fact]
    public async Task AuditLog_EverythingThatCounts_IsALineWithTenantObjectAndOutcome()
    {
        await using var rig = await StartedAsync();
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        await rig.GetAsync(job.Result.ModelDigest);
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = job.Id });
        await rig.StatusAsync("b", () => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = job.Id }));
        // Whatever callers write stays within its line and its field.
        var forged = "x\n{\"tenant\":\"forged\"}\u2028\u001b[31m";
        await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(forged));
        rig.Token = Secret;
        await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(job.Result.ModelDigest));

        var entries = Entries(rig);
        Assert.Equal(3, entries.Count(e => e.Method == "UploadArtifact" && e.Tenant == "a" && e.Outcome == "OK" && e.Object.StartsWith("sha256:", StringComparison.Ordinal)));
        Assert.Contains(("a", "StartCompression", job.Id, "OK"), entries);
        Assert.Contains(("a", "DownloadArtifact", job.Result.ModelDigest, "OK"), entries);
        Assert.Contains(("a", "CancelJob", job.Id, "OK"), entries);
        Assert.Contains(("b", "GetJob", job.Id, $"NotFound No job '{job.Id}'."), entries);
        Assert.Contains(entries, e => e.Method == "DownloadArtifact" && e.Outcome.StartsWith("InvalidArgument digest: ", StringComparison.Ordinal)
            && e.Object == """x\u000a{"tenant":"forged"}\u2028\u001b[31m""");
        Assert.Contains(entries, e => e is { Tenant: "-", Method: "DownloadArtifact" } && e.Outcome.StartsWith("Unauthenticated The bearer token is unknown", StringComparison.Ordinal));
        Assert.DoesNotContain(Secret, await File.ReadAllTextAsync(FileOf(rig)), StringComparison.Ordinal);
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(FileOf(rig)) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Fact]
    public async Task AuditLog_FloodOfStrangers_IsAFewLines()
    {
        await using var rig = await StartedAsync();
        rig.Token = Secret;
        var began = Environment.TickCount64;
        for (var i = 0; i < 300; i++)
            await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.ListJobsAsync(new ListJobsRequest()).ResponseAsync);
        var seconds = (Environment.TickCount64 - began) / 1000 + 2;
        Assert.InRange(Entries(rig).Count, 20, 20 * seconds);
    }

    [Fact]
    public async Task Write_TwoProcesses_LoseNoLineOfEachOther()
    {
        using var folder = new TemporaryFolder();
        var options = new FewshotOptions { AuditLog = folder["audit"] };
        AuditLog Open() => new(options, new Callers(options, NullLogger<Callers>.Instance), NullLoggerFactory.Instance);
        var logs = (Open(), Open());
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => (i % 2 == 0 ? logs.Item1 : logs.Item2).Write(new AuditEntry("a", "p", "/m", $"{i}", "OK")))));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}").Order(), Read(folder["audit"]).Select(e => e.Object).Order());
    }

    private static string FileOf(GatewayRig rig) => Path.Combine(rig.Folder, "audit.jsonl");

    private static List<(string Tenant, string Method, string Object, string Outcome)> Entries(GatewayRig rig) => Read(FileOf(rig));

    private static List<(string Tenant, string Method, string Object, string Outcome)> Read(string path) => [.. File.ReadAllLines(path).Select(line =>
    {
        var entry = JsonDocument.Parse(line).RootElement;
        Assert.InRange(entry.GetProperty("time").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow);
        Assert.NotEmpty(entry.GetProperty("peer").GetString()!);
        string Text(string name) => entry.GetProperty(name).GetString()!;
        return (Text("tenant"), Text("method")[(Text("method").LastIndexOf('/') + 1)..], Text("object"), Text("outcome"));
    })];

    private static async Task<GatewayRig> StartedAsync()
    {
        var rig = await TenantRig.StartedAsync();
        await rig.StopAsync();
        var tokens = rig.Defaults!;
        rig.Defaults = options =>
        {
            tokens(options);
            options.AuditLog = FileOf(rig);
        };
        await rig.StartAsync();
        return rig;
    }
}
