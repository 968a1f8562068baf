using Fewshot.Compression.Trials;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.ClosedForm;

/// <summary>
/// Solves a candidate's adaptors ahead of the readers behind the gap, so that what enters each reader comes as near as a linear map can bring it to
/// what entered it before the block was dropped. Every adaptor is solved as if those ahead of it were the identity.
/// </summary>
internal sealed class AdaptorReconstruction : IDisposable
{
    private const double Lambda = 1e-2;
    private readonly Network network;
    private readonly AdaptorCandidate candidate;
    private readonly (Unit Unit, Tensor Adaptor, RidgeRegression Regression)[] readers;

    /// <param name="network">The folded network, whole.</param>
    /// <param name="candidate">One dropped block; its adaptors are still the identity.</param>
    public AdaptorReconstruction(Network network, AdaptorCandidate candidate)
    {
        (this.network, this.candidate) = (network, candidate);
        readers = [.. candidate.Sites.Zip(candidate.Adaptors).Where(pair => pair.First.Before)
            .Select(pair => (pair.First.Unit, pair.Second, new RidgeRegression(pair.First.Channels, pair.First.Channels, pair.Second.device)))];
    }

    /// <summary>Looks at a batch.</summary>
    /// <param name="stream">What enters the dropped block.</param>
    public void Add(Tensor stream)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var after = network.Blocks[candidate.Gap].Forward(stream);
        var (with, without) = (Inputs(after), Inputs(stream));
        for (var i = 0; i < readers.Length; i++)
        {
            readers[i].Regression.Add(Rows(without[i]), Rows(with[i]));
            without[i].Dispose();
            with[i].Dispose();
        }
    }

    /// <summary>Sets the adaptors.</summary>
    public void Solve()
    {
        using var _ = no_grad();
        foreach (var (unit, adaptor, regression) in readers)
        {
            using var scope = NewDisposeScope();
            // The regression has rows y = x W; the adaptor is a kernel [out, in].
            var start = eye(unit.Inputs, dtype: ScalarType.Float64, device: adaptor.device);
            adaptor.copy_(regression.Solve(start, Lambda).t().reshape(adaptor.shape));
        }
    }

    public void Dispose()
    {
        foreach (var reader in readers)
            reader.Regression.Dispose();
    }

    /// <summary>Solves the adaptors of all candidates from the images as they are, in one pass of the teacher.</summary>
    public static void Apply(Network network, IReadOnlyCollection<AdaptorCandidate> candidates, ImageBatches images, int batchSize, ComputeSettings compute, CancellationToken cancellation)
    {
        using var _ = no_grad();
        AdaptorReconstruction[] reconstructions = [.. candidates.Select(candidate => new AdaptorReconstruction(network, candidate))];
        try
        {
            for (var first = 0; first < images.Count; first += batchSize)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var stream = network.Stem(images.Evaluation(first, Math.Min(batchSize, images.Count - first)).to(compute.ActivationType));
                for (var i = 0; i < network.Blocks.Count; i++)
                {
                    foreach (var reconstruction in reconstructions.Where(reconstruction => reconstruction.candidate.Gap == i))
                        reconstruction.Add(stream);
                    stream = network.Blocks[i].Forward(stream);
                }
            }

            foreach (var reconstruction in reconstructions)
                reconstruction.Solve();
        }
        finally
        {
            foreach (var reconstruction in reconstructions)
                reconstruction.Dispose();
        }
    }

    /// <summary>What enters each reader when this is the stream behind the gap; the caller disposes it.</summary>
    private Tensor[] Inputs(Tensor stream)
    {
        var seen = new Tensor[readers.Length];
        using var scope = NewDisposeScope();
        for (var i = 0; i < readers.Length; i++)
        {
            var index = i;
            // The pass runs in scopes of its own: what is kept must leave them.
            readers[i].Unit.BeforeUnit = x => seen[index] = x.alias().DetachFromDisposeScope();
        }

        for (var i = candidate.Gap + 1; i < network.Blocks.Count; i++)
        {
            if (readers.Length == 0 || seen.All(tensor => tensor is not null))
                break;
            stream = network.Blocks[i].Forward(stream);
        }

        if (seen.Any(tensor => tensor is null))
            network.Tail(stream);
        foreach (var reader in readers)
            reader.Unit.BeforeUnit = null;
        return seen;
    }

    private static Tensor Rows(Tensor x) => x.dim() == 4 ? x.permute(0, 2, 3, 1) : x;
}
