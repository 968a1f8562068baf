using Fewshot.Compression.Adaptors;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Profiling;

/// <summary>A candidate that borrows the original's weights: the same blocks without the dropped ones, so that no weight is copied.</summary>
internal sealed class ProfiledNetwork
{
    private readonly Network original;
    private readonly Block[] kept;

    public ProfiledNetwork(string name, Network original, IReadOnlyList<Edit> edits)
    {
        this.original = original;
        Name = name;
        var dropped = edits.OfType<DropBlock>().Select(e => AdaptorPlan.IndexOf(original, e.Block)).ToHashSet();
        kept = [.. original.Blocks.Where((_, i) => !dropped.Contains(i))];
        var costs = original.Costs();
        var saved = dropped.Select(i => costs.Blocks[i]).ToArray();
        Macs = costs.Macs - saved.Sum(c => c.Macs);
        Params = costs.Params - saved.Sum(c => c.Params);
    }

    public string Name { get; }

    public long Macs { get; }

    public long Params { get; }

    public void Forward(Tensor batch)
    {
        var stream = original.Stem(batch);
        foreach (var block in kept)
        {
            var next = block.Forward(stream);
            stream.Dispose();
            stream = next;
        }

        original.Classify(original.Pool(original.Tail(stream))).Dispose();
    }
}
