using Fewshot.Models.Checkpoints;
using TorchSharp;

namespace Fewshot.Models;

/// <summary>Reads and writes networks. A network's own file is safetensors whose metadata describe it (<see cref="NetworkSpec"/>).</summary>
public static class Checkpoint
{
    private static readonly UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Reads a file that <see cref="Save(Network, string)"/> wrote.</summary>
    /// <exception cref="CheckpointException">Not such a file, truncated, or it does not fit its own description.</exception>
    /// <exception cref="ModelException">Its description names an unknown variant or block.</exception>
    public static Network Load(string path, torch.Device? device = null)
    {
        using var archive = TensorArchive.Open(path);
        var spec = SpecOf(archive) ?? throw new CheckpointException(
            "The file does not describe its network (no metadata 'fewshot'): it is someone else's checkpoint, to be imported with its architecture.");
        return Fill(StateMatch.Exact(spec, archive.Entries), archive, device);
    }

    /// <summary>The description in a file; null where it has none.</summary>
    /// <exception cref="CheckpointException">No checkpoint of a known format.</exception>
    public static NetworkSpec? ReadSpec(string path)
    {
        using var archive = TensorArchive.Open(path);
        return SpecOf(archive);
    }

    /// <summary>Reads a checkpoint of another program: safetensors, or PyTorch's <c>.pth</c> in either format. Prefixes are stripped, other libraries'
    /// names translated, the class count and where possible the width taken from the shapes. A file of ours is read as it describes itself.</summary>
    /// <param name="path">The file.</param>
    /// <param name="variant">Name in the catalog.</param>
    /// <param name="options">What the file cannot say.</param>
    /// <param name="device">Where the tensors live; the CPU by default.</param>
    /// <exception cref="UnknownArchitectureException">Unknown variant.</exception>
    /// <exception cref="CheckpointException">The message names what misses, is unexpected or differs, and the variants that fit.</exception>
    public static Network Import(string path, string variant, ImportOptions? options = null, torch.Device? device = null)
    {
        using var archive = TensorArchive.Open(path);
        return Fill(Match(archive, variant, options ?? new ImportOptions()), archive, device);
    }

    /// <summary>What <see cref="Import"/> would make of a file, from the names and shapes in it: no tensor is read.</summary>
    /// <inheritdoc cref="Import"/>
    public static NetworkSpec Identify(string path, string variant, ImportOptions? options = null)
    {
        using var archive = TensorArchive.Open(path);
        var match = Match(archive, variant, options ?? new ImportOptions());
        return match.Fits ? match.Outline.Spec : throw match.Refusal(archive.Entries);
    }

    /// <summary>Every tensor of a checkpoint of any known format, on the CPU in the file's dtype, by the file's names; the caller disposes them.</summary>
    /// <exception cref="CheckpointException">No checkpoint of a known format, truncated, malicious.</exception>
    public static IReadOnlyDictionary<string, torch.Tensor> ReadTensors(string path)
    {
        using var archive = TensorArchive.Open(path);
        var tensors = new Dictionary<string, torch.Tensor>(StringComparer.Ordinal);
        try
        {
            foreach (var name in archive.Entries.Keys)
                tensors.Add(name, archive.Read(name));
            return tensors;
        }
        catch (Exception)
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
    }

    /// <summary>Writes the network beside <paramref name="path"/> first and then renames it: the file is whole or absent. The same network gives the same bytes.</summary>
    /// <exception cref="InvalidOperationException">The network is folded, or holds adaptors.</exception>
    /// <exception cref="IOException">The disk is full; nothing is left behind.</exception>
    public static void Save(Network network, string path)
    {
        var temporary = $"{path}.{Guid.NewGuid():n}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                Save(network, file);
                file.Flush(flushToDisk: true);
            }

            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(temporary, Readable);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Writes the network to a stream.</summary>
    /// <exception cref="InvalidOperationException">The network is folded, or holds adaptors.</exception>
    public static void Save(Network network, Stream file)
    {
        if (network.IsFolded)
            throw new InvalidOperationException("A folded network is an inference copy: save the network it was folded from.");
        if (network.Layers.OfType<Unit>().FirstOrDefault(unit => unit.IsAdapted) is { } adapted)
            throw new InvalidOperationException($"{adapted.Name} holds adaptors: merge them before saving.");
        SafetensorsFile.Write(file, network);
    }

    private static StateMatch Match(TensorArchive archive, string variant, ImportOptions options)
    {
        var found = ModelCatalog.Find(variant);
        if (SpecOf(archive) is not { } spec)
            return StateMatch.Closest(found, options, archive.Entries);
        if (ModelCatalog.Find(spec.Variant).Family != found.Family || (spec.Variant != found.Name && !found.IsGeneric))
            throw new CheckpointException($"The file describes itself as {spec.Variant}, not {found.Name}.");
        var adjusted = (options.Adjust?.Invoke(spec.Preprocessing) ?? spec.Preprocessing).Checked();
        return StateMatch.Exact(spec with { Preprocessing = adjusted }, archive.Entries, options.InterpolatePositions);
    }

    private static NetworkSpec? SpecOf(TensorArchive archive) =>
        archive.Metadata.TryGetValue(SafetensorsFile.SpecKey, out var json) ? NetworkSpec.FromJson(json) : null;

    private static Network Fill(StateMatch match, TensorArchive archive, torch.Device? device)
    {
        if (!match.Fits)
            throw match.Refusal(archive.Entries);
        var network = match.Outline;
        try
        {
            using var guard = torch.no_grad();
            foreach (var (slot, name) in match.Files)
                slot.Fill(PositionEmbeddings.Resampled(Finite(archive.Read(name), name), slot));
            foreach (var (norm, name) in match.Counters)
            {
                using var counter = archive.Read(name);
                norm.BatchesTracked = counter.item<long>();
            }

            if (device is not null)
                network.To(device);
            return network;
        }
        catch (Exception)
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>As float32, after a look at every element.</summary>
    private static torch.Tensor Finite(torch.Tensor read, string name)
    {
        using var scope = torch.NewDisposeScope();
        scope.Attach(read);
        if (!read.isfinite().all().item<bool>())
            throw new CheckpointException($"{Dtypes.Printed(name)} has weights that are not finite (NaN or infinity).");
        var value = read.to(torch.float32);
        if (read.dtype == torch.float64 && !value.isfinite().all().item<bool>())
            throw new CheckpointException($"{Dtypes.Printed(name)} has weights beyond the range of float32.");
        return value.MoveToOuterDisposeScope();
    }
}
