using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.ServiceDefaults;

namespace Fewshot.ImageSynthesizer;

/// <summary>A joined set and its preview.</summary>
internal sealed record JoinedSet(Digest ImageSet, Digest Preview, int Images);

/// <summary>Joins what several workers made of one set. Nothing here is computed that would be worth remembering: the same sets give the same artifacts.</summary>
internal sealed class SetJoining(IArtifactStore artifacts)
{
    /// <param name="digests">Image sets, in the order of their images.</param>
    /// <param name="previewImages">At most this many are drawn, from the first on.</param>
    /// <exception cref="PreconditionException">The sets differ in their classes.</exception>
    /// <exception cref="ImageSetException">An artifact is no image set.</exception>
    public async Task<JoinedSet> RunAsync(IReadOnlyList<Digest> digests, int previewImages, CancellationToken ct)
    {
        var entries = new List<ImageSetEntry>();
        int? classes = null;
        var prepared = true;
        foreach (var digest in digests)
        {
            var set = ImageSetFile.Read(await artifacts.MaterializeAsync(digest, ct));
            if (entries.Count > 0 && set.ClassCount != classes)
                throw new PreconditionException($"image_set_digests: {digest} has {set.ClassCount?.ToString() ?? "no"} classes, the sets before it {classes?.ToString() ?? "none"}.");
            classes = set.ClassCount;
            prepared &= set.Prepared;
            entries.AddRange(set.Entries);
        }

        var preview = PngEncoder.Encode(PreviewGrid.Draw([.. entries.Take(previewImages)]));
        var joined = await Task.Run(() => artifacts.Put(stream => ImageSetFile.Write(stream, new ImageSet(entries, classes) { Prepared = prepared })), ct);
        return new JoinedSet(joined.Digest, await artifacts.PutBytesAsync(preview, ct), entries.Count);
    }
}
