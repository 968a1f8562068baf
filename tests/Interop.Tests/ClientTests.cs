using System.Text.Json;
using Fewshot.EndToEnd;

namespace Fewshot.Interop;

/// <summary>The protos are the client: other languages drive whole jobs and single stages with stubs made from them.</summary>
public sealed class ClientTests(Services services) : IClassFixture<Services>
{
    [SkippableFact]
    public void Python_WholeJob_UploadsStartsWatchesCancelsAndDownloads()
    {
        using var folder = new TemporaryFolder();

        var seen = Peer.RunPython("whole_job.py", [services.Address, services.Protos, Places.Network, folder["model"], .. services.Images]);

        Assert.Equal(("practise", "JOB_STATE_CANCELLED"), (Text(seen, "method"), Text(seen, "cancelled")));
        Assert.InRange(seen.GetProperty("events").GetInt32(), 3, int.MaxValue);
        Assert.Subset(seen.GetProperty("jobs").EnumerateArray().Select(id => id.GetString()!).ToHashSet(), new HashSet<string> { "from-python", "to-be-cancelled" });
        AssertIsCompressed(folder["model"]);
    }

    [SkippableFact]
    public void Node_WholeJob_EndsInTheSameModelAsPython()
    {
        using var folder = new TemporaryFolder();

        var node = Peer.RunNode("whole_job.js", [services.Address, services.Protos, Places.Network, folder["node"], .. services.Images]);

        Assert.Equal("JOB_STATE_CANCELLED", Text(node, "cancelled"));
        AssertIsCompressed(folder["node"]);
        var python = Peer.RunPython("whole_job.py", [services.Address, services.Protos, Places.Network, folder["python"], .. services.Images]);
        Assert.Equal(Text(python, "model"), Text(node, "model"));
    }

    [SkippableFact]
    public void Python_StagesWithoutTheGateway_Answer()
    {
        var seen = Peer.RunPython("stages.py", [services.Address, services.Protos, Places.Network, .. services.Images]);

        Assert.True(seen.GetProperty("macs_saved").GetInt64() > 0);
        Assert.True(seen.GetProperty("recoverability").GetDouble() > 0);
        Assert.StartsWith("sha256:", Text(seen, "tuned"), StringComparison.Ordinal);
        Assert.StartsWith("sha256:", Text(seen, "synthesised"), StringComparison.Ordinal);
        Assert.StartsWith("INVALID_ARGUMENT teacher_digest", Text(seen, "refused"), StringComparison.Ordinal);
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static void AssertIsCompressed(string model)
    {
        Assert.True(new FileInfo(model).Length < new FileInfo(Places.Network).Length);
        var described = FewshotProcess.Run("plan", "--model", model);
        Assert.True(described.ExitCode == 0, described.ToString());
    }
}
