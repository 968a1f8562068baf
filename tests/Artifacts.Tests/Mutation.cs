namespace Fewshot.Mutations;

/// <summary>Damaged and hostile input, made from good input by a generator that the seed and the index of a case set: either gives it again.</summary>
internal static partial class Mutation
{
    /// <summary>The generator of one case.</summary>
    public static Random Case(int seed, int index) => new(unchecked((seed * 1_000_003) + index));

    /// <summary>Bytes flipped, set, cut out, moved, repeated, added, or cut off.</summary>
    public static byte[] Of(ReadOnlySpan<byte> good, Random random)
    {
        var bytes = new List<byte>(good.ToArray());
        for (var edits = random.Next(1, 5); edits > 0; edits--)
        {
            var at = random.Next(bytes.Count + 1);
            var length = Math.Min(random.Next(1, 17), bytes.Count - at);
            switch (random.Next(8))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = random.Next(3) switch { 0 => 0, 1 => 0xff, _ => (byte)random.Next(256) };
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4 when good.Length > 0:
                    var from = random.Next(good.Length);
                    bytes.InsertRange(at, good[from..Math.Min(good.Length, from + random.Next(1, 40))].ToArray());
                    break;
                case 5:
                    // A length or number as large as can be.
                    bytes.InsertRange(at, Enumerable.Repeat((byte)0xff, random.Next(1, 10)));
                    break;
                case 6 when random.Next(4) == 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>
    /// Lets a parser read so many mutants of good input: it must take or refuse each, by its own exceptions only, and keep its memory.
    /// </summary>
    /// <param name="good">Any of these is what a mutant is made of.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">With a failure's index it gives the mutant again.</param>
    /// <param name="read">Reads a mutant; true where it was taken, false where it was refused.</param>
    /// <param name="growth">How many bytes the process may grow by, once it is warm.</param>
    /// <returns>How many were taken.</returns>
    public static int All(IReadOnlyList<byte[]> good, int count, int seed, Func<byte[], bool> read, long growth = 200L << 20)
    {
        var (taken, before) = (0, 0L);
        for (var index = 0; index < count; index++)
        {
            if (index == count / 10)
                before = Memory();
            var random = Case(seed, index);
            var mutant = Of(good[random.Next(good.Count)], random);
            try
            {
                taken += read(mutant) ? 1 : 0;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, case {index}, {mutant.Length} bytes: {e.GetType().Name}: {e.Message}", e);
            }
        }

        var grown = Memory() - before;
        Assert.True(grown < growth, $"memory grew by {grown >> 20} MB");
        return taken;
    }

    /// <summary>What the process has of the machine's memory, native memory included, once what is garbage has gone.</summary>
    public static long Memory()
    {
        GC.Collect();
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

/// <summary>Tests that watch the memory of the whole process: nothing else may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MutatedInputs
{
    public const string Name = "mutated inputs";
}
