using System.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Imaging;

/// <summary>
/// Batches of one image set for one network. Images are decoded once and kept as eight-bit pixels; batches are put together from them on the
/// CPU and normalised on the device.
/// </summary>
public sealed class ImageBatches : IDisposable
{
    private readonly EvaluationTransform transform;
    private readonly Device device;
    private readonly Augmentation augmentation;
    private readonly DecodedImage[] images;
    private readonly Tensor mean, std;
    private (ulong Seed, long Epoch, int[] Order)? shuffled;

    /// <summary>
    /// Decodes a set. Images that cannot be decoded, or would take more memory than <see cref="ImageLimits"/> allows, are skipped and
    /// counted.
    /// </summary>
    /// <param name="set">The encoded images.</param>
    /// <param name="transform">The network's preprocessing.</param>
    /// <param name="device">Where batches go.</param>
    /// <param name="augmentation">What <see cref="Training"/> does.</param>
    /// <exception cref="ImageSetException">No image is left.</exception>
    public ImageBatches(ImageSet set, EvaluationTransform transform, Device device, Augmentation augmentation = Augmentation.None)
        : this(set, transform, device, augmentation, ImageLimits.MaxKeptBytes)
    {
    }

    internal ImageBatches(ImageSet set, EvaluationTransform transform, Device device, Augmentation augmentation, long maxKeptBytes)
    {
        transform.Check();
        (this.transform, this.device, this.augmentation) = (transform, device, augmentation);
        var keepSource = AugmentationLaws.CropOf(augmentation, transform.Size) == Augmentation.RandomResizedCropFlip;
        var entries = set.Entries;
        var kept = new long[entries.Count];
        var decoded = new DecodedImage?[entries.Count];
        var reasons = new string?[entries.Count];
        Workers.For(entries.Count, i =>
            reasons[i] = Try(entries[i], entry => kept[i] = DecodedImage.BytesOf(entry, transform, keepSource)));
        for (var i = 0; i < entries.Count; i++)
        {
            if (reasons[i] is null && (maxKeptBytes -= kept[i]) < 0)
            {
                const long most = ImageLimits.MaxKeptBytes >> 30;
                reasons[i] = $"{entries[i].Name}: The decoded images of the set would take more than {most} GB; use fewer images.";
                maxKeptBytes += kept[i];
            }
        }

        Workers.For(entries.Count, i =>
            reasons[i] ??= Try(entries[i], entry => decoded[i] = DecodedImage.From(entry, transform, keepSource)));
        var skipped = new SkippedImages(set.Skipped, set.SkipReasons);
        foreach (var reason in reasons.OfType<string>())
            skipped.Add(reason);
        images = decoded.OfType<DecodedImage>().ToArray();
        (Skipped, SkipReasons) = (skipped.Count, skipped.Reasons);
        if (images.Length == 0)
            throw skipped.NothingLeft("the set");
        Labels = images.Select(i => i.Label).ToArray();
        ClassCount = set.ClassCount;
        mean = PerChannel(transform.Mean);
        std = PerChannel(transform.Std);
    }

    /// <summary>Images that were decoded.</summary>
    public int Count => images.Length;

    /// <summary>Images that were skipped, here or when the set was read.</summary>
    public int Skipped { get; }

    /// <summary>The first reasons for skipping, each with the image's name.</summary>
    public IReadOnlyList<string> SkipReasons { get; }

    /// <summary>Class indices, image by image; null where there is none.</summary>
    public IReadOnlyList<int?> Labels { get; }

    /// <summary>Number of classes; null where the images have no labels.</summary>
    public int? ClassCount { get; }

    /// <summary>Images <paramref name="start"/> onwards under the evaluation transform.</summary>
    /// <returns>float32 [count, channels, size, size], normalised, on the device; the caller disposes it.</returns>
    public Tensor Evaluation(int start, int count)
    {
        if (start < 0 || count < 1 || start > Count - count)
            throw new ArgumentOutOfRangeException(nameof(start), $"Images {start} to {start + count} of {Count}.");
        return Batch(count, (position, target) => images[start + position].Evaluation.CopyTo(target));
    }

    /// <summary>Batches in an epoch: the last, partial one is dropped.</summary>
    public int BatchesPerEpoch(int batch) => Count / Math.Min(batch, Count);

    /// <summary>
    /// The batch of a training iteration: every epoch is a new order of the images, and every image of the batch is augmented. All of it depends
    /// on seed, iteration and position alone.
    /// </summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="iteration">From 0.</param>
    /// <param name="batch">Images wanted; all of them where there are fewer.</param>
    /// <param name="indices">Which images these are.</param>
    /// <returns>float32 [min(batch, Count), channels, size, size], normalised, on the device; the caller disposes it.</returns>
    public Tensor Training(ulong seed, long iteration, int batch, out int[] indices)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(iteration);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        batch = Math.Min(batch, Count);
        var perEpoch = BatchesPerEpoch(batch);
        var first = (int)(iteration % perEpoch) * batch;
        var chosen = indices = OrderOf(seed, iteration / perEpoch)[first..(first + batch)];
        return Batch(batch, (position, target) =>
        {
            var random = AugmentationLaws.RandomFor(seed, iteration, position);
            images[chosen[position]].Augment(augmentation, transform, ref random, target);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mean.Dispose();
        std.Dispose();
    }

    private static string? Try(ImageSetEntry entry, Action<ImageSetEntry> work)
    {
        try
        {
            work(entry);
            return null;
        }
        catch (ImageFormatException e)
        {
            return $"{entry.Name}: {e.Message}";
        }
    }

    private int[] OrderOf(ulong seed, long epoch)
    {
        if (shuffled is { } last && last.Seed == seed && last.Epoch == epoch)
            return last.Order;
        var order = SeededSampler.Permutation(Count, seed, epoch);
        shuffled = (seed, epoch, order);
        return order;
    }

    private Tensor Batch(int count, Fill fill)
    {
        var bytes = transform.Channels * transform.Size * transform.Size;
        var buffer = ArrayPool<byte>.Shared.Rent(count * bytes);
        try
        {
            // Copying and flipping is quicker than waking other threads; resizing and changing every pixel are not.
            if (augmentation is Augmentation.RandomResizedCropFlip or Augmentation.RandAugment)
            {
                Workers.For(count, position => fill(position, buffer.AsSpan(position * bytes, bytes)));
            }
            else
            {
                for (var position = 0; position < count; position++)
                    fill(position, buffer.AsSpan(position * bytes, bytes));
            }

            using var scope = NewDisposeScope();
            var pixels = empty(new long[] { count, transform.Channels, transform.Size, transform.Size }, ScalarType.Byte);
            buffer.AsSpan(0, count * bytes).CopyTo(pixels.bytes);
            return pixels.to(device).to(ScalarType.Float32).div_(255f).sub_(mean).div_(std).MoveToOuterDisposeScope();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Tensor PerChannel(double[] values) =>
        tensor(values.Select(v => (float)v).ToArray(), device: device).view(1, values.Length, 1, 1).DetachFromDisposeScope();

    private delegate void Fill(int position, Span<byte> target);
}
