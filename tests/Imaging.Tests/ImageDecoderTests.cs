using System.Buffers.Binary;
using System.Text;

namespace Fewshot.Imaging.Tests;

/// <summary>The oracle's images, made once.</summary>
public sealed class OracleImages : TemporaryFolder
{
    private bool made;

    public void Make()
    {
        Python.SkipIfMissing();
        if (!made)
            Python.Oracle("make_images.py", Path);
        made = true;
    }
}

public sealed class ImageDecoderTests(OracleImages images) : IClassFixture<OracleImages>
{
    [SkippableFact]
    public void Decode_EveryKindOfFile_GivesPillowsPixels()
    {
        images.Make();
        var compared = 0;
        foreach (var raw in Directory.EnumerateFiles(images.Path, "*.raw"))
        {
            var parts = Path.GetFileName(raw).Split('.');
            var size = parts[3].Split('x');
            var name = parts[0] + "." + parts[1];
            var image = ImageDecoder.Decode(File.ReadAllBytes(images[name]), int.Parse(parts[2]));
            Assert.Equal((name, parts[2], size[0], size[1]), (name, $"{image.Channels}", $"{image.Width}", $"{image.Height}"));
            var expected = File.ReadAllBytes(raw);
            var worst = image.Pixels.Zip(expected, (a, b) => Math.Abs(a - b)).Max();
            // The same libjpeg and rounding: equal to the bit, but for Pillow's own way from 16 bits to 8.
            Assert.True(worst <= (name.StartsWith("sixteen", StringComparison.Ordinal) ? 1 : 0) && expected.Length == image.Pixels.Length, $"{raw} differs by {worst}.");
            compared++;
        }

        Assert.True(compared >= 50, $"Only {compared} files were compared.");
    }

    [SkippableTheory]
    [InlineData("truncated-baseline.jpg", "premature end")]
    [InlineData("truncated-rgb.png", "truncated")]
    [InlineData("short-data.png", "Damaged PNG")]
    [InlineData("huge.png", "100000 x 100000")]
    [InlineData("picture.gif", "GIF")]
    public void Decode_Unusable_SaysWhy(string name, string reason)
    {
        images.Make();
        var error = Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(File.ReadAllBytes(images[name])));
        Assert.Contains(reason, error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableFact]
    public void Decode_LargerThanTheLimit_IsRefusedBeforePixelsAreAllocated()
    {
        images.Make();
        foreach (var name in new[] { "baseline.jpg", "rgb.png" })
        {
            var encoded = File.ReadAllBytes(images[name]);
            Assert.Equal(61, ImageDecoder.Decode(encoded, maxPixels: 61 * 45).Width);
            Assert.Contains("61 x 45", Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(encoded, maxPixels: (61 * 45) - 1)).Message, StringComparison.Ordinal);
        }

        // A header that claims 65500 x 65500 in a file of a kilobyte.
        var bomb = File.ReadAllBytes(images["baseline.jpg"]);
        var frame = bomb.AsSpan().IndexOf(new byte[] { 0xff, 0xc0 });
        BinaryPrimitives.WriteUInt32BigEndian(bomb.AsSpan(frame + 5), (65500u << 16) | 65500);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(bomb));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [SkippableFact]
    public void Decode_MutatedFiles_DecodeOrThrowImageFormatException()
    {
        images.Make();
        var refused = 0;
        foreach (var name in new[] { "progressive.jpg", "cmyk.jpg", "orientation6.jpg", "palette16.png", "interlaced.png", "sixteen.png", "orientation8.png" })
        {
            var good = File.ReadAllBytes(images[name]);
            var random = new Random(name.Length);
            for (var round = 0; round < 1430; round++)
            {
                var file = good.ToArray();
                for (var edits = random.Next(1, 6); edits > 0; edits--)
                    file[random.Next(3, file.Length)] = (byte)random.Next(256);
                try
                {
                    var image = ImageDecoder.Decode(file.AsSpan(0, random.Next(10) == 0 ? random.Next(file.Length) : file.Length), maxPixels: 10_000);
                    Assert.Equal(image.Width * image.Height * 3, image.Pixels.Length);
                }
                catch (ImageFormatException)
                {
                    refused++;
                }
            }
        }

        Assert.InRange(refused, 2000, 10_000);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("RIFF....WEBPVP8 ", "WebP")]
    [InlineData("BM000000", "BMP")]
    [InlineData("hello", "68656C6C6F")]
    [InlineData("II*\0....", "TIFF")]
    public void Decode_NoImage_NamesWhatItIs(string text, string said) => Assert.Contains(
        said, Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(Encoding.ASCII.GetBytes(text))).Message, StringComparison.Ordinal);

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
    }

    [Fact]
    public void Encode_NoImage_Throws() => Assert.Throws<ArgumentException>(() => PngEncoder.Encode(new Image(2, 2, 3, new byte[11])));

    [Fact]
    public void Require_LibraryMissing_NamesTheDebianPackage()
    {
        var present = false;
        var error = Assert.Throws<ImagingLibraryException>(() => Native.NativeLibraries.Require("libnowhere.so.0", "libnowhere0", ref present));
        Assert.Contains("apt-get install libnowhere0", error.Message, StringComparison.Ordinal);
    }
}
