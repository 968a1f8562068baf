using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class PlanTests
{
    [Fact]
    public void Plan_VitB16UnderThePapersConvention_ListsTheReachableTargets()
    {
        var run = FewshotProcess.Run("plan", "--arch", "vit_base_patch16_224", "--macs-convention", "paper", "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var plan = JsonDocument.Parse(run.Output);
        Assert.Equal(10, plan.RootElement.GetProperty("runs").GetArrayLength());
        var targets = plan.RootElement.GetProperty("targets").EnumerateArray().ToDictionary(t => t.GetProperty("macs_ratio").GetDouble());
        Assert.Equal((4, 1127), (targets[0.75].GetProperty("blocks").GetInt32(), targets[0.75].GetProperty("kept_hidden").GetInt32()));
        Assert.All(targets.Values, t => Assert.Equal(t.GetProperty("macs_ratio").GetDouble(), t.GetProperty("macs_ratio_reached").GetDouble(), 1e-3));
    }

    [Fact]
    public void Plan_OneRatio_GivesItsStructureAndParams()
    {
        var run = FewshotProcess.Run("plan", "--arch", "vit_d128_l6_h4_m256_p4", "--size", "28", "--macs-ratio", "75%", "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var plan = JsonDocument.Parse(run.Output);
        var target = Assert.Single(plan.RootElement.GetProperty("targets").EnumerateArray());
        // By hand: 43,463,936 MACs; (0.25 of them - 2 * 3,916,800) / (2 * 3,276,800) = 0.4627 of 256 hidden units go.
        Assert.Equal((2, 138), (target.GetProperty("blocks").GetInt32(), target.GetProperty("kept_hidden").GetInt32()));
        // Attention with its norm, and a hidden unit's row, column and bias, by hand.
        var gone = 2 * ((4 * 128 * 128) + (4 * 128) + (2 * 128) + (118 * ((2 * 128) + 1)));
        Assert.Equal(plan.RootElement.GetProperty("params").GetInt64() - gone, target.GetProperty("params").GetInt64());
    }

    [Fact]
    public void Plan_NetworkOfWholeBlocks_GivesBoundsFromItsFile()
    {
        var run = FewshotProcess.Run("plan", "--model", Places.Network, "--macs-ratio", "0.8", "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var plan = JsonDocument.Parse(run.Output);
        Assert.Equal("whole_blocks", plan.RootElement.GetProperty("compresses").GetString());
        Assert.Equal(2, plan.RootElement.GetProperty("blocks_at_least").GetInt32());
    }

    [Theory]
    [InlineData("vit_tiny_patch16_224")]
    [InlineData("resnet34")]
    public void Plan_Table_IsReadable(string architecture)
    {
        var run = FewshotProcess.Run("plan", "--arch", architecture);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("MACs ratio", run.Output, StringComparison.Ordinal);
        Assert.Contains("million MACs (standard)", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "--macs-ratio: A MACs ratio of 0.99 cannot be reached", "--arch", "vit_tiny_patch16_224", "--macs-ratio", "0.99")]
    [InlineData(3, "with all 12 droppable blocks gone", "--arch", "resnet34", "--macs-ratio", "0.1")]
    [InlineData(3, "--candidates: blocks.99 cannot be compressed", "--arch", "vit_tiny_patch16_224", "--candidates", "blocks.99")]
    [InlineData(3, "--extra-blocks", "--arch", "resnet34", "--extra-blocks", "1")]
    [InlineData(3, "vit_d128_l6_h4_m256_p4", "--arch", "vit")]
    [InlineData(3, "--arch: Unknown architecture", "--arch", "vit_huge")]
    [InlineData(2, "--macs-ratio takes a fraction between 0 and 1", "--arch", "vit_tiny_patch16_224", "--macs-ratio", "1")]
    [InlineData(2, "exclude each other", "--arch", "resnet34", "--macs-ratio", "0.5", "--step", "0.1")]
    [InlineData(2, "give --arch or --model")]
    public void Plan_BadInput_SaysWhatToChange(int code, string message, params string[] options)
    {
        var run = FewshotProcess.Run(["plan", .. options]);
        Assert.True(run.ExitCode == code, run.ToString());
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }
}
