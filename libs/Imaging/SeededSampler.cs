namespace Fewshot.Imaging;

/// <summary>Orders that depend on a seed and a number alone, the same on every machine.</summary>
public static class SeededSampler
{
    private const byte ForPermutation = 1;

    /// <summary>A uniformly random order of 0 .. count - 1 (Fisher and Yates); other streams of one seed give independent orders.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">The experiment's seed.</param>
    /// <param name="stream">An epoch or a class.</param>
    public static int[] Permutation(int count, ulong seed, long stream = 0)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
            order[i] = i;
        var random = new Philox(seed, stream, 0, ForPermutation);
        for (var i = 0; i < count - 1; i++)
        {
            var j = i + random.NextInt32(count - i);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary>n of count indices without replacement, ascending. A smaller sample of the same seed is part of a larger one.</summary>
    public static int[] Sample(int n, int count, ulong seed, long stream = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, count);
        var sample = Permutation(count, seed, stream)[..n];
        Array.Sort(sample);
        return sample;
    }
}
