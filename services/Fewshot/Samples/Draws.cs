namespace Fewshot.Cli.Samples;

/// <summary>Random numbers (SplitMix64) that depend on nothing but what is being drawn.</summary>
internal sealed class Draws
{
    private ulong state;

    public Draws(ulong seed, int split, int shape, int index)
    {
        state = seed;
        foreach (var part in (ulong[])[(ulong)split, (ulong)shape, (ulong)index])
            state = Next() ^ (part * 0x9E3779B97F4A7C15);
    }

    public double Between(double low, double high) => low + ((high - low) * Unit());

    public int Below(int bound) => (int)(Unit() * bound);

    /// <summary>Roughly normal with deviation 1: the sum of twelve uniform numbers, in no need of logarithms.</summary>
    public double Bell()
    {
        var sum = -6.0;
        for (var i = 0; i < 12; i++)
            sum += Unit();
        return sum;
    }

    private double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    private ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        var z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
