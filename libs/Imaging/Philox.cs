namespace Fewshot.Imaging;

/// <summary>
/// Random numbers that are a function of where they are used, not of what was drawn before: Philox4x32-10 (Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011) keyed by a seed, with (iteration, position, purpose) as the counter. Order and number of workers
/// therefore cannot change a result.
/// </summary>
public struct Philox
{
    private readonly uint keyLow, keyHigh, iterationLow, iterationHigh, position, purpose;
    private uint block, word;
    private (uint A, uint B, uint C, uint D) words;

    /// <summary>The sequence of one use.</summary>
    /// <param name="seed">The experiment's seed.</param>
    /// <param name="iteration">Training iteration or epoch.</param>
    /// <param name="position">Position in the batch.</param>
    /// <param name="purpose">Keeps uses with equal numbers apart; up to 255.</param>
    public Philox(ulong seed, long iteration, int position, byte purpose)
    {
        (keyLow, keyHigh) = ((uint)seed, (uint)(seed >> 32));
        (iterationLow, iterationHigh) = ((uint)iteration, (uint)(iteration >> 32));
        this.position = (uint)position;
        this.purpose = (uint)purpose << 24;
    }

    /// <summary>32 random bits.</summary>
    public uint NextUInt32()
    {
        if (word == 0)
            words = Block((iterationLow, iterationHigh, position, purpose | block++), (keyLow, keyHigh));
        var value = word switch
        {
            0 => words.A,
            1 => words.B,
            2 => words.C,
            _ => words.D,
        };
        word = (word + 1) & 3;
        return value;
    }

    /// <summary>Uniform on [0, 1), 32 bits of it.</summary>
    public double NextDouble() => NextUInt32() * (1.0 / 4294967296.0);

    /// <summary>Uniform on [low, high).</summary>
    public double NextDouble(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Uniform on 0 .. bound - 1, exactly (Lemire's method, arXiv 1805.10941).</summary>
    public int NextInt32(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var product = NextUInt32() * (ulong)bound;
        if ((uint)product < (uint)bound)
        {
            var threshold = (uint)(-bound) % (uint)bound;
            while ((uint)product < threshold)
                product = NextUInt32() * (ulong)bound;
        }

        return (int)(product >> 32);
    }

    internal static (uint A, uint B, uint C, uint D) Block((uint A, uint B, uint C, uint D) counter, (uint A, uint B) key)
    {
        for (var round = 0; round < 10; round++)
        {
            var first = 0xD2511F53UL * counter.A;
            var second = 0xCD9E8D57UL * counter.C;
            counter = ((uint)(second >> 32) ^ counter.B ^ key.A, (uint)second, (uint)(first >> 32) ^ counter.D ^ key.B, (uint)first);
            key = (key.A + 0x9E3779B9, key.B + 0xBB67AE85);
        }

        return counter;
    }
}
