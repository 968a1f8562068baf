using NetVips;
using Pixels = NetVips.Image;

namespace Fewshot.Imaging;

/// <summary>
/// JPEG, PNG, WebP, TIFF (the first page) and GIF (the first frame) through libvips. Colour profiles and gamma are ignored, as training
/// code does.
/// </summary>
internal sealed class VipsFile : IEncodedImage
{
    private const int StripBytes = 1 << 16;
    private readonly ImageFormat format;
    private readonly Source source;
    private Pixels image;

    /// <summary>Reads the header.</summary>
    /// <exception cref="ImageFormatException">The header is damaged.</exception>
    /// <exception cref="ImagingLibraryException">libvips cannot be loaded.</exception>
    public VipsFile(byte[] encoded, ImageFormat format)
    {
        Vips.Require();
        this.format = format;
        source = Source.NewFromMemory(encoded);
        try
        {
            image = Open(source, format);
        }
        catch (VipsException e)
        {
            source.Dispose();
            throw Damaged(e);
        }
    }

    public int Width => image.Width;

    public int Height => image.Height;

    public long DecodedPixels => Math.Max((long)Width * Height, (long)Field("tile-width", 0) * Field("tile-height", 0));

    public bool SwapsSides => Orientation >= 5;

    /// <summary>EXIF's: 1 (upright) to 8.</summary>
    private int Orientation => Field("orientation", 1) is >= 1 and <= 8 and var held ? held : 1;

    public Image Decode(int channels)
    {
        try
        {
            if (image.Format == Enums.BandFormat.Ushort)
                Become(image.Cast(Enums.BandFormat.Uchar, shift: true));
            else if (image.Format != Enums.BandFormat.Uchar)
                throw new ImageFormatException($"{format} images with {image.Format} samples are not supported; 8 and 16 bits are.");
            var samples = SamplesWithoutAlpha();
            if (image.Bands > samples)
                Become(image.ExtractBand(0, n: samples));
            if (Orientation != 1)
            {
                // The loader reads from top to bottom only; turning needs the whole image.
                Become(image.CopyMemory());
                Become(image.Autorot());
            }

            return Channels.Convert(new Image(image.Width, image.Height, samples, Samples()), channels);
        }
        catch (VipsException e)
        {
            throw Damaged(e);
        }
    }

    public void Dispose()
    {
        image.Dispose();
        source.Dispose();
    }

    private static Pixels Open(Source source, ImageFormat format)
    {
        const Enums.Access access = Enums.Access.Sequential;
        return format switch
        {
            // Stray bytes between segments are common and harmless. Data that ends early is not.
            ImageFormat.Jpeg => Pixels.JpegloadSource(source, access: access, failOn: Enums.FailOn.Truncated),
            ImageFormat.Png => Pixels.PngloadSource(source, access: access, failOn: Enums.FailOn.Error),
            ImageFormat.WebP => Pixels.WebploadSource(source, access: access, failOn: Enums.FailOn.Error),
            // libvips reports an unreadable tile as a warning only.
            ImageFormat.Tiff => Pixels.TiffloadSource(source, access: access, failOn: Enums.FailOn.Warning),
            ImageFormat.Gif => Pixels.GifloadSource(source, access: access, failOn: Enums.FailOn.Error),
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not read by libvips."),
        };
    }

    private int SamplesWithoutAlpha() => (image.Interpretation, image.Bands) switch
    {
        (Enums.Interpretation.Cmyk, 4 or 5) => 4,
        (Enums.Interpretation.Bw or Enums.Interpretation.Grey16, 1 or 2) => 1,
        (Enums.Interpretation.Srgb or Enums.Interpretation.Rgb16, 3 or 4) => 3,
        (Enums.Interpretation.Srgb or Enums.Interpretation.Rgb16, 1 or 2) => 1,
        var (colours, bands) => throw new ImageFormatException(
            $"{format} images with {bands} channels of {colours} colours are not supported; grey, RGB and CMYK are."),
    };

    /// <summary>
    /// All samples, strip by strip on this thread. libvips' own call for the whole picture hands it to another thread and holds it twice,
    /// which costs a quarter more time for small images. Strips stay below the size from which .NET collects arrays less often.
    /// </summary>
    private byte[] Samples()
    {
        var row = image.Width * image.Bands;
        var samples = GC.AllocateUninitializedArray<byte>(row * image.Height);
        using var region = Region.New(image);
        for (int y = 0, rows = Math.Max(1, StripBytes / row); y < image.Height; y += rows)
            region.Fetch(0, y, image.Width, Math.Min(rows, image.Height - y)).CopyTo(samples, y * row);
        return samples;
    }

    private int Field(string name, int otherwise) => image.Contains(name) && image.Get(name) is int value ? value : otherwise;

    private void Become(Pixels next)
    {
        image.Dispose();
        image = next;
    }

    /// <summary>libvips' own text is no part of the message: threads share its buffer, so it may be about another image.</summary>
    private ImageFormatException Damaged(VipsException e) =>
        new($"Damaged {format.ToString().ToUpperInvariant()}: its data is invalid or ends early.", e);
}
