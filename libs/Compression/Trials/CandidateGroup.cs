using System.Collections;
using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>The candidates that train side by side, and their checkpoint.</summary>
internal sealed class CandidateGroup : IReadOnlyList<AdaptorCandidate>, IDisposable
{
    private const string IterationKey = "iteration";
    private readonly List<AdaptorCandidate> candidates;

    public CandidateGroup(Network student, IReadOnlyList<string> blocks, TrialSettings settings, Device device)
    {
        candidates = [.. blocks.Select(block => new AdaptorCandidate(student, block, settings, device))];
        Starts = candidates.Select(c => c.Start).ToHashSet();
    }

    public int Count => candidates.Count;

    /// <summary>Every block at which some candidate begins to differ from the teacher.</summary>
    public IReadOnlySet<int> Starts { get; }

    public AdaptorCandidate this[int index] => candidates[index];

    public IEnumerator<AdaptorCandidate> GetEnumerator() => candidates.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Writes adaptors, velocities and the number of finished iterations.</summary>
    public void Save(Stream stream, long finished)
    {
        using var scope = NewDisposeScope();
        var metadata = new Dictionary<string, string> { [IterationKey] = finished.ToString(CultureInfo.InvariantCulture) };
        foreach (var candidate in candidates)
            metadata[candidate.Block] = candidate.FirstLoss.ToString("R", CultureInfo.InvariantCulture);
        CheckpointFile.Write(stream, candidates.SelectMany(Tensors), metadata);
    }

    /// <summary>Continues from the newest checkpoint; returns the number of finished iterations, 0 when there is none.</summary>
    public int Restore(ICheckpointStore checkpoints)
    {
        using var stream = checkpoints.OpenNewest();
        if (stream is null)
            return 0;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (tensors, metadata) = CheckpointFile.Read(stream);
        var finished = int.Parse(metadata[IterationKey], CultureInfo.InvariantCulture);
        foreach (var candidate in candidates)
        {
            candidate.FirstLoss = double.Parse(metadata[candidate.Block], CultureInfo.InvariantCulture);
            for (var i = 0; i < candidate.Adaptors.Count; i++)
                candidate.Adaptors[i].copy_(tensors[AdaptorName(candidate, i)]);
            candidate.Optimizer.Restore(name => tensors.GetValueOrDefault($"{candidate.Block}.{name}"), finished);
        }

        return finished;
    }

    public void Dispose() => candidates.ForEach(c => c.Dispose());

    private static IEnumerable<(string Name, Tensor Value)> Tensors(AdaptorCandidate candidate) =>
        candidate.Adaptors.Select((adaptor, i) => (AdaptorName(candidate, i), adaptor))
            .Concat(candidate.Optimizer.State().Select(item => ($"{candidate.Block}.{item.Name}", item.Value)));

    private static string AdaptorName(AdaptorCandidate candidate, int index) => $"{candidate.Block}.adaptor.{index}";
}
