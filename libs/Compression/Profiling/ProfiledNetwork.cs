using Fewshot.Compression.Adaptors;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Profiling;

/// <summary>
/// A candidate. One that only lost blocks borrows the original's weights: the same blocks without the dropped ones, so that no weight is copied.
/// </summary>
internal sealed class ProfiledNetwork : IDisposable
{
    private readonly Network original;
    private readonly Network? compressed;
    private readonly Block[] kept;

    public ProfiledNetwork(string name, Network original, IReadOnlyList<Edit> edits)
    {
        this.original = original;
        Name = name;
        if (edits.All(edit => edit is DropBlock))
        {
            var dropped = edits.OfType<DropBlock>().Select(e => AdaptorPlan.IndexOf(original, e.Block)).ToHashSet();
            kept = [.. original.Blocks.Where((_, i) => !dropped.Contains(i))];
            var costs = original.Costs();
            var saved = dropped.Select(i => costs.Blocks[i]).ToArray();
            Macs = costs.Macs - saved.Sum(c => c.Macs);
            Params = costs.Params - saved.Sum(c => c.Params);
        }
        else
        {
            compressed = original.Apply(edits);
            kept = [.. compressed.Blocks];
            (Macs, Params) = (compressed.Costs().Macs, compressed.Costs().Params);
        }
    }

    public string Name { get; }

    public long Macs { get; }

    public long Params { get; }

    public Preprocessing Preprocessing => original.Spec.Preprocessing;

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

    public void Dispose() => compressed?.Dispose();
}
