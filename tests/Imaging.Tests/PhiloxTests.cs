namespace Fewshot.Imaging.Tests;

public class PhiloxTests
{
    /// <summary>The known answers that the authors publish with Random123.</summary>
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Block_KnownInput_GivesThePublishedOutput(uint a, uint b, uint c, uint d, uint low, uint high, uint w, uint x, uint y, uint z) =>
        Assert.Equal((w, x, y, z), Philox.Block((a, b, c, d), (low, high)));

    [Fact]
    public void NextUInt32_OtherSeedIterationPositionOrPurpose_IsAnotherSequence()
    {
        Philox[] sequences = [new(1, 2, 3, 4), new(2, 2, 3, 4), new(1, 3, 3, 4), new(1, 2, 4, 4), new(1, 2, 3, 5), new(1, 2 + (1L << 32), 3, 4), new(1 + (1UL << 32), 2, 3, 4)];
        Assert.Equal(sequences.Length * 9, sequences.SelectMany(s => Enumerable.Range(0, 9).Select(_ => s.NextUInt32())).Distinct().Count());
    }

    [Fact]
    public void NextInt32_ManyDraws_IsUniform()
    {
        var counts = new int[9];
        for (var i = 0; i < 9000; i++)
        {
            var random = new Philox(11, i, 0, 0);
            counts[random.NextInt32(9)]++;
        }

        // Chi-square, 8 degrees of freedom: 26.1 is exceeded once in a thousand seeds.
        Assert.InRange(counts.Sum(c => (c - 1000) * (c - 1000) / 1000.0), 0.5, 26.1);
    }

    [Fact]
    public void Permutation_SeedAndStream_FixTheOrder()
    {
        Assert.Equal(Enumerable.Range(0, 100), SeededSampler.Permutation(100, 2021).Order());
        Assert.Equal(SeededSampler.Permutation(100, 2021), SeededSampler.Permutation(100, 2021));
        Assert.NotEqual(SeededSampler.Permutation(100, 2021), SeededSampler.Permutation(100, 2022));
        Assert.NotEqual(SeededSampler.Permutation(100, 2021), SeededSampler.Permutation(100, 2021, stream: 1));
        // Published once, kept for ever: reports name a seed, not a list of images.
        Assert.Equal([8, 0, 6, 1, 7, 4, 2, 3, 5, 9], SeededSampler.Permutation(10, 2021));
    }

    [Fact]
    public void Sample_SmallerOfTheSameSeed_IsPartOfTheLarger()
    {
        var large = SeededSampler.Sample(50, 1000, 7);
        Assert.Equal(large.Order(), large);
        Assert.Subset(large.ToHashSet(), SeededSampler.Sample(20, 1000, 7).ToHashSet());
        Assert.Throws<ArgumentOutOfRangeException>(() => SeededSampler.Sample(11, 10, 7));
    }
}
