namespace Fewshot.Artifacts.Tests;

public class DigestTests
{
    private const string OfNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Fact]
    public void Of_Nothing_IsThePublishedValue() => Assert.Equal(OfNothing, Digest.Of([]).ToString());

    [Fact]
    public void Parse_OwnText_RoundTrips() => Assert.Equal(Digest.Of([]), Digest.Parse(OfNothing));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n")]
    [InlineData("sha256:../../../../../../../../../../../../../../../../../../../etc/passwd")]
    [InlineData("SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Parse_AnythingElse_Throws(string? text)
    {
        Assert.False(Digest.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Digest.Parse(text));
    }

    [Fact]
    public void Parse_ControlCharacters_AreEscapedInTheMessage()
    {
        var error = Assert.Throws<FormatException>(() => Digest.Parse("x\n\u001b[31m\u2028y"));
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.Contains("\\u2028", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hex_OfDefault_Throws() => Assert.Throws<InvalidOperationException>(() => default(Digest).Hex);

    [Fact]
    public void StepKey_ShiftedBoundary_IsAnotherKey()
    {
        var keys = new[]
        {
            StepKey.Of("ab", 1, "c"u8), StepKey.Of("a", 1, "bc"u8), StepKey.Of("ab", 2, "c"u8), StepKey.Of("ab", 1, "d"u8),
        };
        Assert.Equal(4, keys.Distinct().Count());
        Assert.Equal(keys[0], StepKey.Of("ab", 1, "c"u8));
        Assert.Equal(keys[0], StepKey.Parse(keys[0].ToString()));
    }

    [Fact]
    public void StepKey_KnownRequest_KeepsItsKeyForEver() =>
        Assert.Equal("45dde20bdcdfc7288b5a320efeef89a070014e69a2b3da84a55f20ed19862fcf", StepKey.Of("/fewshot.trial.v1.BlockTrialService/RunTrials", 1, "request"u8).Hex);
}
