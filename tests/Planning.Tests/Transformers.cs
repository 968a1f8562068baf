namespace Fewshot.Planning.Tests;

/// <summary>The parts of plain vision transformers, counted here by hand as methods.md section 1 says.</summary>
internal static class Transformers
{
    /// <summary>ViT-B/16 at 224 under the papers' convention: layer norms count, the two batched products do not.</summary>
    public static readonly Transformer VitB16 = Make(197, 768, 3072, 12, 196L * 768 * 768, (768L * 1000) + (2 * 197 * 768), paper: true);

    /// <summary>The Fashion-MNIST ViT (28x28x1, patch 4, width 128, 6 blocks, hidden 256, 10 classes), standard convention.</summary>
    public static readonly Transformer Fashion = Make(50, 128, 256, 6, 49L * 16 * 128, 1280, paper: false);

    public static Transformer Make(long tokens, long width, int hidden, int depth, long stem, long head, bool paper)
    {
        var norm = paper ? 2 * tokens * width : 0;
        var attention = (4 * tokens * width * width) + (paper ? 0 : 2 * tokens * tokens * width) + norm;
        var mlp = 2 * tokens * width * hidden;
        var blocks = Enumerable.Range(0, depth).Select(i => new BlockParts($"blocks.{i}", attention + mlp + norm, attention, mlp, hidden)).ToArray();
        return new Transformer(stem + head + blocks.Sum(b => b.Macs), blocks, blocks[1..^1]);
    }
}

internal sealed record Transformer(long Macs, BlockParts[] Blocks, BlockParts[] Candidates);
