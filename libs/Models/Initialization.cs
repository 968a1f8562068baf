using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>Random weights to start training from: each tensor's law is its family's, each tensor's generator derives from the seed and its position.</summary>
internal static class Initialization
{
    public static void Fill(Network outline, ulong seed)
    {
        using var guard = no_grad();
        ulong position = 0;
        foreach (var slot in outline.Slots)
            slot.Fill(Draw(slot, Mix(seed, position++)));
    }

    private static Tensor Draw(TensorSlot slot, ulong seed)
    {
        long[] shape = [.. slot.Shape];
        if (slot.Initial == Initial.Zeros)
            return zeros(shape);
        if (slot.Initial == Initial.Ones)
            return ones(shape);
        using var generator = new Generator(seed);
        var bound = 1 / Math.Sqrt(slot.Fan);
        return slot.Initial switch
        {
            Initial.UniformFanIn => empty(shape).uniform_(-bound, bound, generator),
            Initial.Normal001 => empty(shape).normal_(0, 0.01, generator),
            Initial.Normal002 => empty(shape).normal_(0, 0.02, generator),
            _ => empty(shape).normal_(0, Math.Sqrt(2) * bound, generator),
        };
    }

    /// <summary>SplitMix64 (Steele et al. 2014): neighbouring positions get unrelated seeds.</summary>
    internal static ulong Mix(ulong seed, ulong position)
    {
        var z = unchecked(seed + ((position + 1) * 0x9E3779B97F4A7C15));
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
