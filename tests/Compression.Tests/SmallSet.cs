using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

/// <summary>A few drawn images and a small network, so that every method runs in about a second.</summary>
internal static class SmallSet
{
    public const int Count = 12;

    private static readonly EvaluationTransform Transform = new(32, 0, false, Interpolation.Bilinear, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>Images of coloured gradients and squares; the label is the square's quadrant.</summary>
    public static ImageSet Images(int count = Count, int size = 32)
    {
        var entries = Enumerable.Range(0, count).Select(i =>
        {
            var pixels = new byte[size * size * 3];
            for (var y = 0; y < size; y++)
            for (var x = 0; x < size; x++)
            {
                var inside = x / (size / 2) == i % 2 && y / (size / 2) == i / 2 % 2;
                var at = (y * size + x) * 3;
                pixels[at] = (byte)(inside ? 200 + i : x * 7 + i);
                pixels[at + 1] = (byte)(y * 5 + i * 3);
                pixels[at + 2] = (byte)((x * y + i * 11) % 256);
            }

            return new ImageSetEntry($"{i}.png", PngEncoder.Encode(new Image(size, size, 3, pixels)), i % 4);
        });
        return new ImageSet([.. entries], 10);
    }

    public static ImageBatches Batches(Augmentation augmentation = Augmentation.PaddedCropFlip, int count = Count) => new(
        Images(count), Transform, torch.CPU, augmentation);

    public static ImageBatches Batches(torch.Device device) => new(Images(), Transform, device, Augmentation.None);

    /// <summary>A seeded random network whose batch-norm statistics have settled, so that training mode and evaluation mode agree.</summary>
    public static Network Network(string variant = "cifar_resnet20", ulong seed = 1)
    {
        var found = ModelCatalog.Find(variant);
        var network = ModelCatalog.Build(found.Spec(), seed: seed);
        using var _ = torch.no_grad();
        using var images = Batches();
        using var batch = images.Evaluation(0, Count);
        network.Training = true;
        for (var i = 0; i < 40; i++)
            network.Forward(batch).Dispose();
        network.Training = false;
        return network;
    }
}

/// <summary>Cancels after a number of reports.</summary>
internal sealed class CancelAfter(int reports) : IProgress<Artifacts.StepProgress>, IDisposable
{
    private readonly CancellationTokenSource source = new();
    private int seen;

    public CancellationToken Token => source.Token;

    public void Report(Artifacts.StepProgress value)
    {
        if (++seen == reports)
            source.Cancel();
    }

    public void Dispose() => source.Dispose();
}

/// <summary>Keeps every report.</summary>
internal sealed class Recorder : IProgress<Artifacts.StepProgress>
{
    public List<Artifacts.StepProgress> Reports { get; } = [];

    public void Report(Artifacts.StepProgress value) => Reports.Add(value);
}
