using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Edits;

/// <summary>An edit as it is asked for.</summary>
/// <param name="Edit">What changes.</param>
/// <param name="ByActivation">The hidden units of the largest mean activation on the training images are kept, instead of those the edit says.</param>
public sealed record RequestedEdit(Edit Edit, bool ByActivation = false);

/// <summary>Which hidden units of an MLP are kept by what they do on images (an ablation of DC-ViT, arXiv 2403.18708).</summary>
public static class HiddenUnits
{
    /// <summary>Edits that say themselves which units they keep.</summary>
    /// <exception cref="InvalidEditException">An edit names no compressible block.</exception>
    public static IReadOnlyList<Edit> Resolve(Network network, ImageBatches images, IEnumerable<RequestedEdit> requested, int batchSize, CancellationToken cancellation) =>
        [.. requested.Select(request => request is { ByActivation: true, Edit: CompressBlock compress } ? ByActivation(network, images, compress, batchSize, cancellation) : request.Edit)];

    private static CompressBlock ByActivation(Network network, ImageBatches images, CompressBlock edit, int batchSize, CancellationToken cancellation)
    {
        var index = Enumerable.Range(0, network.Blocks.Count).FirstOrDefault(i => network.Blocks[i].Name == edit.Block && network.Blocks[i].Compressible, -1);
        if (index < 0 || edit.Hidden < 1 || edit.Hidden > network.Blocks[index].Mlp!.Hidden.Outputs)
            return edit; // the network says what is wrong with it
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var block = network.Blocks[index];
        var sum = zeros([block.Mlp!.Hidden.Outputs], ScalarType.Float64, network.Classifier.Weight.device);
        block.Mlp.Output.BeforeUnit = units => sum.add_(units.to(ScalarType.Float64).sum([0, 1]));
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var stream = network.Stem(images.Evaluation(first, Math.Min(batchSize, images.Count - first)));
            for (var i = 0; i < index; i++)
                stream = network.Blocks[i].Forward(stream);
            block.Forward(stream);
        }

        block.Mlp.Output.BeforeUnit = null;
        var kept = sum.cpu().topk(edit.Hidden, 0).indexes.data<long>().Select(unit => (int)unit).Order().ToArray();
        return edit with { Units = kept };
    }
}
