using Fewshot.Imaging;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// A roll of up to 30 pixels at 224, proportional otherwise, and a flip for every other step: features that only hold at one place do not survive it.
/// </summary>
internal readonly struct Jitter
{
    private const int RollAt224 = 30;
    private const byte ForJitter = 211;
    /// <param name="first">Number of the batch's first image.</param>
    /// <param name="size">Side of the images, pixels.</param>
    public Jitter(ulong seed, int step, int first, int size)
    {
        var random = new Philox(seed, step, first, ForJitter);
        var reach = Math.Max(1, RollAt224 * size / 224);
        Down = random.NextInt32((2 * reach) + 1) - reach;
        Right = random.NextInt32((2 * reach) + 1) - reach;
        Flipped = random.NextInt32(2) == 1;
    }

    /// <summary>Rows that the image is rolled by.</summary>
    public int Down { get; }

    /// <summary>Columns.</summary>
    public int Right { get; }

    /// <summary>Left and right are exchanged after that.</summary>
    public bool Flipped { get; }

    /// <summary><c>[N, C, H, W]</c>, a copy.</summary>
    public Tensor Apply(Tensor pixels)
    {
        var rolled = pixels.roll([Down, Right], [2, 3]);
        return Flipped ? rolled.flip(3) : rolled;
    }

    /// <summary>Takes a gradient by the jittered pixels back to the pixels.</summary>
    public Tensor Undo(Tensor gradient) => (Flipped ? gradient.flip(3) : gradient).roll([-Down, -Right], [2, 3]);
}
