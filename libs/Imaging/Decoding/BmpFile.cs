using System.Buffers.Binary;
using SkiaSharp;

namespace Fewshot.Imaging;

/// <summary>BMP through Skia, as libvips has no loader for it: every depth, run lengths, bit fields, either direction.</summary>
internal sealed class BmpFile : IEncodedImage
{
    private readonly SKData data;
    private readonly SKCodec codec;

    /// <summary>Reads the header.</summary>
    /// <exception cref="ImageFormatException">The header is damaged.</exception>
    /// <exception cref="ImagingLibraryException">Skia cannot be loaded.</exception>
    public BmpFile(byte[] encoded)
    {
        // Skia refuses sides of more than 16 bits without saying that this is the reason.
        int Number(int at) => BinaryPrimitives.ReadInt32LittleEndian(encoded.AsSpan(at));
        if (encoded.Length >= 26 && Number(14) >= 40)
            ImageLimits.Check(Number(18), Math.Abs((long)Number(22)), ImageLimits.MaxPixels);
        data = ImagingLibraries.Loaded(() => SKData.CreateCopy(encoded));
        codec = SKCodec.Create(data);
        if (codec?.EncodedFormat == SKEncodedImageFormat.Bmp)
            return;
        Dispose();
        throw Damaged();
    }

    public int Width => codec.Info.Width;

    public int Height => codec.Info.Height;

    public long DecodedPixels => (long)Width * Height;

    public bool SwapsSides => false;

    public Image Decode(int channels)
    {
        // Unpremultiplied and without a colour space: the samples as they are in the file.
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Unpremul)))
            throw new ImageFormatException($"There is no memory for {Width} x {Height} pixels.");
        if (codec.GetPixels(bitmap.Info, bitmap.GetPixels()) != SKCodecResult.Success)
            throw Damaged();
        return Channels.Convert(Channels.DropAlpha(Width, Height, bitmap.GetPixelSpan()), channels);
    }

    public void Dispose()
    {
        codec?.Dispose();
        data.Dispose();
    }

    private static ImageFormatException Damaged() => new("Damaged BMP: its data is invalid or ends early.");
}
