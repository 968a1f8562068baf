namespace Fewshot.Imaging;

/// <summary>One image as batches need it.</summary>
internal sealed class DecodedImage
{
    private readonly Image? source;

    private DecodedImage(byte[] evaluation, Image? source, int? label)
    {
        (Evaluation, this.source, Label) = (evaluation, source, label);
    }

    /// <summary>Pixels under the evaluation transform, channel by channel: [channels, size, size].</summary>
    public byte[] Evaluation { get; }

    public int? Label { get; }

    /// <summary>Decodes an image.</summary>
    /// <param name="entry">The encoded image.</param>
    /// <param name="transform">The network's preprocessing.</param>
    /// <param name="keepSource">Keeps the whole picture for random crops, shrunk to twice the network's own resizing where it is larger still.</param>
    public static DecodedImage From(ImageSetEntry entry, EvaluationTransform transform, bool keepSource)
    {
        var image = ImageDecoder.Decode(entry.Encoded, transform.Channels);
        var evaluation = new byte[transform.Channels * transform.Size * transform.Size];
        PlaneByPlane(transform.Apply(image), mirror: false, evaluation);
        return new DecodedImage(evaluation, keepSource ? Shrunk(image, transform) : null, entry.Label);
    }

    /// <summary>Writes the augmented image, [channels, size, size].</summary>
    public void Augment(Augmentation augmentation, EvaluationTransform transform, ref Philox random, Span<byte> target)
    {
        Crop(AugmentationLaws.CropOf(augmentation, transform.Size), transform, ref random, target);
        if (augmentation != Augmentation.RandAugment)
            return;
        // The mean's colour comes in from outside, which the network sees as zero.
        Span<byte> fill = stackalloc byte[transform.Channels];
        for (var c = 0; c < fill.Length; c++)
            fill[c] = (byte)Math.Clamp(Math.Round(255 * transform.Mean[c], MidpointRounding.ToEven), 0, 255);
        var planes = new Planes(target, transform.Channels, transform.Size);
        RandAugment.Apply(planes, transform.Interpolation, fill, ref random);
        ColorJitter.Apply(planes, ref random);
    }

    private static Image Shrunk(Image image, EvaluationTransform transform)
    {
        var most = 2 * Math.Max(transform.Size, transform.Resize);
        var shorter = Math.Min(image.Width, image.Height);
        return shorter <= most
            ? image
            : Resampler.Resize(image, (int)((long)image.Width * most / shorter), (int)((long)image.Height * most / shorter), transform.Interpolation);
    }

    private static void PlaneByPlane(Image image, bool mirror, Span<byte> target)
    {
        var (width, channels, pixels) = (image.Width, image.Channels, image.Pixels);
        for (var c = 0; c < channels; c++)
        {
            for (var y = 0; y < image.Height; y++)
            {
                var row = target.Slice(((c * image.Height) + y) * width, width);
                var i = (y * width * channels) + c;
                for (var x = 0; x < width; x++, i += channels)
                    row[mirror ? width - 1 - x : x] = pixels[i];
            }
        }
    }

    private void Crop(Augmentation augmentation, EvaluationTransform transform, ref Philox random, Span<byte> target)
    {
        var size = transform.Size;
        switch (augmentation)
        {
            case Augmentation.None:
                Evaluation.CopyTo(target);
                break;
            case Augmentation.Flip:
                Shift(size, 0, 0, AugmentationLaws.Flip(ref random), target);
                break;
            case Augmentation.PaddedCropFlip:
                var (x, y) = AugmentationLaws.PaddedCrop(ref random);
                Shift(size, x, y, AugmentationLaws.Flip(ref random), target);
                break;
            case Augmentation.RandomResizedCropFlip:
                var box = AugmentationLaws.ResizedCrop(source!.Width, source.Height, ref random);
                var mirror = AugmentationLaws.Flip(ref random);
                PlaneByPlane(Resampler.Resize(source, box, size, size, new(0, 0, size, size), transform.Interpolation), mirror, target);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(augmentation), augmentation, "Unknown augmentation.");
        }
    }

    /// <summary>Moves the window by (left, top), black outside the image, and mirrors it.</summary>
    private void Shift(int size, int left, int top, bool mirror, Span<byte> target)
    {
        // Mirroring is of the whole window, black border included.
        target.Clear();
        var columns = size - Math.Abs(left);
        var rows = size - Math.Abs(top);
        for (var plane = 0; plane < target.Length; plane += size * size)
        {
            for (var y = 0; y < rows; y++)
            {
                var from = Evaluation.AsSpan(plane + ((y + Math.Max(top, 0)) * size) + Math.Max(left, 0), columns);
                var row = target.Slice(plane + ((y + Math.Max(-top, 0)) * size), size);
                from.CopyTo(row[Math.Max(-left, 0)..]);
                if (mirror)
                    row.Reverse();
            }
        }
    }
}
