using System.Text;

namespace Fewshot.Imaging.Tests;

public sealed class ImageDecoderTests(OracleImages images) : IClassFixture<OracleImages>
{
    [SkippableTheory]
    [InlineData("baseline.jpg")]
    [InlineData("subsampled-none.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("grey.jpg")]
    [InlineData("cmyk.jpg")]
    [InlineData("ycck.jpg")]
    [InlineData("stray-bytes.jpg")]
    [InlineData("rgb.png")]
    [InlineData("grey.png")]
    [InlineData("alpha.png")]
    [InlineData("grey-alpha.png")]
    [InlineData("palette.png")]
    [InlineData("palette-transparent.png")]
    [InlineData("palette16.png")]
    [InlineData("bilevel.png")]
    [InlineData("colour-key.png")]
    [InlineData("grey-key.png")]
    [InlineData("profile.png")]
    [InlineData("sixteen.png")]
    [InlineData("sixteen-grey.png")]
    [InlineData("sixteen-alpha.png")]
    [InlineData("sixteen-grey-alpha.png")]
    [InlineData("gamma.png")]
    [InlineData("interlaced.png")]
    [InlineData("lossy.webp")]
    [InlineData("lossless.webp")]
    [InlineData("alpha.webp")]
    [InlineData("alpha-lossless.webp")]
    [InlineData("animated.webp")]
    [InlineData("rgb-raw.tif")]
    [InlineData("rgb-tiff_lzw.tif")]
    [InlineData("rgb-tiff_adobe_deflate.tif")]
    [InlineData("rgb-packbits.tif")]
    [InlineData("rgb-jpeg.tif")]
    [InlineData("rgb-webp.tif")]
    [InlineData("grey.tif")]
    [InlineData("palette.tif")]
    [InlineData("bilevel.tif")]
    [InlineData("alpha.tif")]
    [InlineData("grey-alpha.tif")]
    [InlineData("cmyk.tif")]
    [InlineData("pages.tif")]
    [InlineData("sixteen.tif")]
    [InlineData("sixteen-big-endian.tif")]
    [InlineData("sixteen-grey.tif")]
    [InlineData("min-is-white.tif")]
    [InlineData("private-tag.tif")]
    [InlineData("planes.tif")]
    [InlineData("tiles.tif")]
    [InlineData("palette.gif")]
    [InlineData("grey.gif")]
    [InlineData("interlaced.gif")]
    [InlineData("animated.gif")]
    [InlineData("transparent.gif")]
    [InlineData("bgr24.bmp")]
    [InlineData("bgr24-top-down.bmp")]
    [InlineData("bgrx32.bmp")]
    [InlineData("bgrx32-top-down.bmp")]
    [InlineData("palette8.bmp")]
    [InlineData("palette8-top-down.bmp")]
    [InlineData("palette4.bmp")]
    [InlineData("palette4-top-down.bmp")]
    [InlineData("palette1.bmp")]
    [InlineData("palette1-top-down.bmp")]
    [InlineData("short-palette.bmp")]
    [InlineData("grey.bmp")]
    [InlineData("rgb555.bmp", 1)]
    [InlineData("rgb565.bmp", 1)]
    [InlineData("fields32.bmp")]
    [InlineData("alpha-v4.bmp")]
    [InlineData("alpha-v5.bmp")]
    [InlineData("os2-bgr24.bmp")]
    [InlineData("os2-palette8.bmp")]
    [InlineData("rle8.bmp")]
    [InlineData("rle4.bmp")]
    public void Decode_EveryKindOfFile_GivesPillowsPixels(string name, int tolerance = 0)
    {
        var encoded = images.Read(name);
        foreach (var channels in new[] { 3, 1 })
        {
            if (Directory.GetFiles(images.Path, $"{name}.{channels}.*.raw").Length > 0)
                AssertEqual(images.Expected(name, channels), ImageDecoder.Decode(encoded, channels), tolerance);
        }
    }

    [SkippableTheory]
    [InlineData("jpg")]
    [InlineData("png")]
    [InlineData("webp")]
    [InlineData("tif")]
    public void Decode_EveryOrientation_TurnsAsPillowDoes(string kind)
    {
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var name = $"orientation{orientation}.{kind}";
            var encoded = images.Read(name);
            var expected = images.Expected(name, 3);
            AssertEqual(expected, ImageDecoder.Decode(encoded), 0);
            Assert.Equal((expected.Width, expected.Height), ImageDecoder.SizeOf(encoded));
        }
    }

    [SkippableFact]
    public void Decode_RealPhotographs_GivesPillowsPixels()
    {
        Python.SkipIfMissing();
        var originals = SharedFolder.Find("data/imagenet/originals");
        Skip.If(originals is null, "There are no shared images.");
        using var folder = new TemporaryFolder();
        Python.Oracle("decode.py", originals, folder.Path);
        foreach (var raw in Directory.GetFiles(folder.Path))
        {
            var encoded = File.ReadAllBytes(Path.Combine(originals, Path.GetFileNameWithoutExtension(raw)));
            Assert.True(ImageDecoder.Decode(encoded).Pixels.AsSpan().SequenceEqual(File.ReadAllBytes(raw)), $"{raw} differs.");
        }
    }

    [SkippableTheory]
    [InlineData("truncated-baseline.jpg")]
    [InlineData("truncated-progressive.jpg")]
    [InlineData("truncated-rgb.png")]
    [InlineData("truncated-interlaced.png")]
    [InlineData("truncated-lossy.webp")]
    [InlineData("truncated-lossless.webp")]
    [InlineData("truncated-rgb-raw.tif")]
    [InlineData("truncated-rgb-tiff_lzw.tif")]
    [InlineData("truncated-tiles.tif")]
    [InlineData("truncated-palette.gif")]
    [InlineData("truncated-bgr24.bmp")]
    [InlineData("truncated-rle8.bmp")]
    [InlineData("short-data.png")]
    public void Decode_Truncated_IsDamaged(string name)
    {
        var error = Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(images.Read(name)));
        Assert.Matches("^Damaged (JPEG|PNG|WEBP|TIFF|GIF|BMP): its data is invalid or ends early.$", error.Message);
    }

    [SkippableTheory]
    [InlineData("huge.png", "100000 x 100000")]
    [InlineData("float.tif", "Float samples")]
    [InlineData("five.tif", "5 channels")]
    public void Decode_Unsupported_SaysWhy(string name, string reason) => Assert.Contains(
        reason, Assert.Throws<ImageFormatException>(() =>
            ImageDecoder.Decode(images.Read(name))).Message, StringComparison.OrdinalIgnoreCase);

    [SkippableFact]
    public void Decode_MutatedFiles_DecodeOrThrowImageFormatException()
    {
        string[] names =
        [
            "progressive.jpg", "cmyk.jpg", "orientation6.jpg", "palette16.png", "interlaced.png", "sixteen.png", "orientation8.png",
            "alpha.webp",
            "lossless.webp", "animated.webp", "rgb-tiff_lzw.tif", "rgb-jpeg.tif", "tiles.tif", "bilevel.tif", "animated.gif",
            "interlaced.gif", "rle8.bmp", "rgb565.bmp",
        ];
        var refused = 0;
        foreach (var name in names)
        {
            var good = images.Read(name);
            var random = new Random(name.Length);
            for (var round = 0; round < 550; round++)
            {
                var file = good.ToArray();
                for (var edits = random.Next(1, 6); edits > 0; edits--)
                    file[random.Next(3, file.Length)] = (byte)random.Next(256);
                try
                {
                    var image = ImageDecoder.Decode(random.Next(10) == 0 ? file[..random.Next(file.Length)] : file, maxPixels: 10_000);
                    Assert.Equal(image.Width * image.Height * 3, image.Pixels.Length);
                }
                catch (ImageFormatException)
                {
                    refused++;
                }
            }
        }

        Assert.InRange(refused, 2000, 9_800);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("hello", "68656C6C6F")]
    [InlineData("  <svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "SVG")]
    [InlineData("<?xml version='1.0'?><svg/>", "SVG")]
    [InlineData("%PDF-1.7", "PDF")]
    [InlineData("\0\0\0 ftypavif", "AVIF")]
    [InlineData("\0\0\0 ftypheic", "HEIC")]
    [InlineData("8BPS\0\u0001", "Photoshop")]
    [InlineData("# vtk", "232076746B")]
    public void Decode_NoImage_NamesWhatItIs(string text, string said)
    {
        var message = Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(Encoding.ASCII.GetBytes(text))).Message;
        Assert.StartsWith("Not a JPEG, PNG, WebP, BMP, TIFF or GIF image", message, StringComparison.Ordinal);
        Assert.Contains(said, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_OtherLoadersOfTheLibrary_AreBlocked()
    {
        Assert.Equal(1, ImageDecoder.Decode(Scenes.Png(1, 1, 1, 1)).Width);
        var svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"u8.ToArray();
        Assert.Throws<NetVips.VipsException>(() => NetVips.Image.SvgloadBuffer(svg));
        Assert.Throws<NetVips.VipsException>(() => NetVips.Image.NewFromBuffer(svg));
        Assert.Throws<NetVips.VipsException>(() => NetVips.Image.NewFromFile(Path.Combine(AppContext.BaseDirectory, "any.png")));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(32, 32, 3)]
    [InlineData(257, 3, 1)]
    [InlineData(333, 222, 3)]
    public void Encode_ThenDecode_GivesTheSamePixels(int width, int height, int channels)
    {
        var image = Scenes.Make(width, height, channels, 5);
        Assert.Equal(image.Pixels, ImageDecoder.Decode(PngEncoder.Encode(image), channels).Pixels);
        new Random(1).NextBytes(image.Pixels);
        Assert.Equal(image.Pixels, ImageDecoder.Decode(PngEncoder.Encode(image), channels).Pixels);
        Assert.Equal(PngEncoder.Encode(image), PngEncoder.Encode(image));
    }

    [Fact]
    public void Encode_NoImage_Throws() => Assert.Throws<ArgumentException>(() => PngEncoder.Encode(new Image(2, 2, 3, new byte[11])));

    private static void AssertEqual(Image expected, Image found, int tolerance)
    {
        Assert.Equal((expected.Width, expected.Height, expected.Channels), (found.Width, found.Height, found.Channels));
        var worst = found.Pixels.Zip(expected.Pixels, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(worst <= tolerance && expected.Pixels.Length == found.Pixels.Length, $"The pixels differ by up to {worst}.");
    }
}
