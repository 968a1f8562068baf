namespace Fewshot.ServiceDefaults.Tests;

public sealed class FieldsTests
{
    [Theory]
    [InlineData(0, 64)]
    [InlineData(1, 1)]
    [InlineData(100, 100)]
    public void Whole_WithinLimits_IsItselfOrTheDefault(int value, int expected) => Assert.Equal(expected, Fields.Whole(value, "n", 1, 100, 64));

    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public void Whole_Beyond_NamesFieldAndLimits(int value)
    {
        var error = Assert.Throws<InvalidFieldException>(() => Fields.Whole(value, "n", 1, 100, 64));
        Assert.Equal("n", error.Field);
        Assert.Equal("n: must be from 1 to 100, or 0 for the default 64.", error.Message);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-0.1)]
    public void Number_NotWithinLimits_IsRefused(double value) => Assert.Throws<InvalidFieldException>(() => Fields.Number(value, "rate", 0, 1, 0.5));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Fraction_NotBetween_IsRefused(double value) => Assert.Throws<InvalidFieldException>(() => Fields.Fraction(value, "f"));

    [Fact]
    public void Known_UnknownNumber_ListsTheNames() =>
        Assert.Contains("Monday", Assert.Throws<InvalidFieldException>(() => Fields.Known((DayOfWeek)99, "day")).Message, StringComparison.Ordinal);

    [Fact]
    public void Digest_Malformed_SaysTheForm() =>
        Assert.Equal("d: must be sha256: followed by 64 lower-case hexadecimal digits.", Assert.Throws<InvalidFieldException>(() => Fields.Digest("sha256:X", "d")).Message);
}
