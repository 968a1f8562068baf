using System.Diagnostics;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class HelpTests
{
    [Fact]
    public void Help_OfTheScript_ListsCommandsAndExitCodes()
    {
        var run = FewshotProcess.RunScript("--help");
        Assert.True(run.ExitCode == 0, run.ToString());
        foreach (var word in new[] { "compress", "profile", "trial", "finetune", "evaluate", "train", "synthesize", "models", "plan", "convert", "serve", "token", "cluster", "jobs", "watch", "cancel", "doctor", "130" })
            Assert.Contains(word, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_Cold_LoadsNoEngineAndNoServer()
    {
        // A quarter of a second where nothing else runs; either of them adds a second. The best of several, as other work on the machine only ever adds.
        var best = Enumerable.Range(0, 5).Min(_ =>
        {
            var begun = Stopwatch.GetTimestamp();
            Assert.Equal(0, FewshotProcess.Run("compress", "practise", "--help").ExitCode);
            return Stopwatch.GetElapsedTime(begun).TotalSeconds;
        });
        Assert.InRange(best, 0, 1.5);
    }

    [Fact]
    public void Doctor_Json_FindsTheEngine()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run("doctor", "--json", "--state", folder["state"]);
        Assert.Contains("\"name\":\"libtorch\"", run.Output, StringComparison.Ordinal);
        Assert.True(run.ExitCode == 0, run.ToString());
    }
}
