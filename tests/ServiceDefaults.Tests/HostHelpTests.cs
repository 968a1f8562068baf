using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class HostHelpTests
{
    private static readonly HostHelp Help = new("What it is.");

    [Fact]
    public void Help_Options_AreAllThereWithDefaultAndMeaning()
    {
        var lines = Help.ToString().ReplaceLineEndings("\n").Split('\n');
        Assert.Equal("What it is.", lines[0]);
        Assert.Contains("  Fewshot:Listen = http://127.0.0.1:5210", lines);
        Assert.Contains("  Fewshot:Insecure = false", lines);
        Assert.Contains("  Fewshot:Certificate = (none)", lines);
        Assert.Contains("      PEM key of Certificate.", lines);
        foreach (var key in typeof(FewshotOptions).GetProperties())
        {
            var index = Array.FindIndex(lines, line => line.StartsWith($"  Fewshot:{key.Name} ", StringComparison.Ordinal));
            Assert.True(index > 0, key.Name);
            Assert.True(lines[index + 1].Trim().Length > 10, key.Name);
        }
    }

    [Theory]
    [InlineData("--listen=http://127.0.0.1:1")]
    [InlineData("serve")]
    [InlineData("--Fewshot:Listen")]
    public async Task RunHostAsync_ArgumentIsNoSetting_AnswersTwo(string argument) =>
        Assert.Equal(2, await FewshotHost.RunHostAsync([argument], Help, () => throw new InvalidOperationException("must not be built")));

    [Fact]
    public async Task RunHostAsync_Help_BuildsNothing() =>
        Assert.Equal(0, await FewshotHost.RunHostAsync(["--help"], Help, () => throw new InvalidOperationException("must not be built")));

    [Fact]
    public async Task RunHostAsync_UnknownKey_AnswersOne()
    {
        string[] arguments = ["--Fewshot:Listn=http://127.0.0.1:1"];
        Assert.Equal(1, await FewshotHost.RunHostAsync(arguments, Help, () => WebApplication.CreateBuilder(arguments).AddFewshotDefaults().Build()));
    }

    [Theory]
    [InlineData("Fewshot:Listn", "x", "There is no setting Fewshot:Listn: --help lists those of this service.")]
    [InlineData("Fewshot:StepQueue", "soon", "Fewshot:StepQueue")]
    [InlineData("Fewshot:Insecure", "maybe", "Fewshot:Insecure")]
    public void Read_KeyOrValueIsWrong_IsNamed(string key, string value, string named)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create(key, (string?)value)]).Build();
        Assert.Contains(named, Assert.Throws<HostOptionsException>(() => OptionsSection.Read(configuration, new FewshotOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_KnownKeys_CountInAnyCase()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("fewshot:stepqueue", (string?)"00:00:07")]).Build();
        var options = new FewshotOptions();
        OptionsSection.Read(configuration, options);
        Assert.Equal(TimeSpan.FromSeconds(7), options.StepQueue);
    }
}
