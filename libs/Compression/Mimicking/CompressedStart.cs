using Fewshot.Compression.ClosedForm;
using Fewshot.Compression.Edits;
using Fewshot.Imaging;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>A network with further blocks compressed or dropped, its new parts initialised.</summary>
internal static class CompressedStart
{
    /// <param name="network">What is edited; not changed.</param>
    /// <param name="teacher">The original, frozen, on the device.</param>
    /// <returns>On the teacher's device; the caller's.</returns>
    /// <exception cref="InvalidEditException">An edit names no block that it applies to; the message lists those.</exception>
    public static Network Of(Network network, Network teacher, IReadOnlyList<Edit> edits, ImageBatches images, MimicSettings settings, Device device, CancellationToken cancellation)
    {
        var student = network.Apply(edits);
        try
        {
            student.To(device);
            string[] compressed = [.. edits.OfType<CompressBlock>().Select(edit => edit.Block)];
            if (compressed.Length == 0)
                return student;
            if (settings.Initialization == Initialization.Ridge)
                MlpReconstruction.Apply(student, teacher, compressed, images, settings.BatchSize, cancellation);
            if (settings.Initialization == Initialization.Random)
                Redraw(student, compressed, settings.Seed);
            return student;
        }
        catch (Exception)
        {
            student.Dispose();
            throw;
        }
    }

    private static void Redraw(Network student, string[] blocks, ulong seed)
    {
        using var guard = no_grad();
        using var fresh = ModelCatalog.Build(student.Spec, seed: seed);
        foreach (var (mine, drawn) in student.Blocks.Zip(fresh.Blocks).Where(pair => blocks.Contains(pair.First.Name, StringComparer.Ordinal)))
        {
            foreach (var (unit, other) in new[] { (mine.Mlp!.Hidden, drawn.Mlp!.Hidden), (mine.Mlp.Output, drawn.Mlp.Output) })
            {
                unit.Weight.copy_(other.Weight);
                unit.Bias?.copy_(other.Bias!);
            }
        }
    }
}
