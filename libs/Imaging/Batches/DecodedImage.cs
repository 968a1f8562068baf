namespace Fewshot.Imaging;

/// <summary>One image as batches need it.</summary>
internal sealed class DecodedImage
{
    /// <summary>
    /// Longest shape that is kept whole. Beyond it <see cref="AugmentationLaws.ResizedCrop"/> finds no crop of 8 % of the area whose
    /// ratio is at most 4/3, and always takes the same one from the middle: what lies further out is never seen.
    /// </summary>
    private const int MostAspect = 17;

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
    /// <param name="keepSource">Keeps the picture for random crops, shrunk to twice the network's own resizing where it is larger.</param>
    /// <exception cref="ImageFormatException">It cannot be decoded.</exception>
    public static DecodedImage From(ImageSetEntry entry, EvaluationTransform transform, bool keepSource) =>
        ImageDecoder.Decode(entry.Encoded, transform.Channels, image =>
        {
            var evaluation = new byte[transform.Channels * transform.Size * transform.Size];
            PlaneByPlane(transform.Apply(image), mirror: false, evaluation);
            return new DecodedImage(evaluation, keepSource ? Shrunk(image, transform) : null, entry.Label);
        });

    /// <summary>Bytes that <see cref="From"/> will keep of an image.</summary>
    /// <exception cref="ImageFormatException">Its header cannot be read.</exception>
    public static long BytesOf(ImageSetEntry entry, EvaluationTransform transform, bool keepSource)
    {
        var evaluation = (long)transform.Channels * transform.Size * transform.Size;
        if (!keepSource)
            return evaluation;
        var (width, height) = ImageDecoder.SizeOf(entry.Encoded);
        var (_, _, window) = Shrinking(width, height, transform);
        return evaluation + ((long)window.Width * window.Height * transform.Channels);
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
        var (width, height, window) = Shrinking(image.Width, image.Height, transform);
        return (window.Width, window.Height) == (image.Width, image.Height)
            ? image
            : Resampler.Resize(image, new(0, 0, image.Width, image.Height), width, height, window, transform.Interpolation);
    }

    /// <summary>The size that an image is shrunk to, and the part of that which is kept.</summary>
    private static (int Width, int Height, PixelBox Window) Shrinking(int width, int height, EvaluationTransform transform)
    {
        var most = 2 * Math.Max(transform.Size, transform.Resize);
        var shorter = Math.Min(width, height);
        if (shorter > most)
            (width, height) = ((int)((long)width * most / shorter), (int)((long)height * most / shorter));
        var (x, columns) = Middle(width, MostAspect * height);
        var (y, rows) = Middle(height, MostAspect * width);
        return (width, height, new(x, y, columns, rows));
    }

    /// <summary>
    /// The middle of a side. As much is left out before it as after it, so that the middle of the middle is the same pixels.
    /// </summary>
    private static (int Start, int Length) Middle(int length, int most) =>
        length <= most ? (0, length) : ((length - most) / 2, most + ((length - most) % 2));

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
