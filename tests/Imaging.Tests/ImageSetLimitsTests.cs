using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Imaging.Tests;

/// <summary>Sets with images that would cost too much.</summary>
[Collection(MemoryTests.Name)]
public sealed class ImageSetLimitsTests : IDisposable
{
    private const long Little = 64 << 20;
    private static readonly EvaluationTransform Transform = new(32, 40, false, Interpolation.Bicubic, [.5, .5, .5], [.5, .5, .5]);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Load_HostileSides_AreSkippedForLittleMemory()
    {
        folder.Write("0.png", Scenes.Png(40, 30, 3, 1));
        folder.Write("1.png", Forged.Png(1, 50_000_000));
        folder.Write("2.png", Forged.Png(448, 111_000));
        folder.Write("3.bmp", Forged.Of("BMP", 0x7fffffff, 0x7fffffff));
        folder.Write("4.tif", Forged.Of("TIFF", 0xffffffff, 0xffffffff));
        ImageSet? set = null;
        Assert.InRange(MemoryProbe.PeakGrowth(() => set = ImageSet.FromFolder(folder.Path).Load()), 0, Little);
        Assert.Equal((1, 4), (set!.Entries.Count, set.Skipped));
        Assert.StartsWith("1.png: The image is 1 x 50000000 pixels", set.SkipReasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileBeyondTheLimit_IsSkippedUnread()
    {
        folder.Write("0.png", Scenes.Png(9, 9, 3, 1));
        using (var large = File.Create(folder["1.png"]))
            large.SetLength(ImageLimits.MaxFileBytes + 1L);
        ImageSet? set = null;
        Assert.InRange(MemoryProbe.PeakGrowth(() => set = ImageSet.FromFolder(folder.Path).Load()), 0, Little);
        Assert.Equal("1.png: The file has 512 MB; at most 512 are allowed.", Assert.Single(set!.SkipReasons));
    }

    [Fact]
    public void Load_MoreBytesThanTheSetMayHave_SkipsTheLast()
    {
        for (var i = 0; i < 5; i++)
            folder.Write($"{i}.png", Scenes.Png(20, 20, 3, 1));
        var each = new FileInfo(folder["0.png"]).Length;
        var set = ImageSetLoader.Load(ImageSet.FromFolder(folder.Path), ImageLimits.MaxPixels, default, maxBytes: (3 * each) + 5);
        Assert.Equal(["0.png", "1.png", "2.png"], set.Entries.Select(entry => entry.Name));
        Assert.Equal(2, set.Skipped);
    }

    [Fact]
    public void Read_MoreBytesThanTheSetMayHave_SkipsTheLast()
    {
        using var file = new MemoryStream();
        ImageSetFile.Write(file, Set(new byte[100], new byte[300], new byte[80]));
        file.Position = 0;
        var set = ImageSetFile.Read(file, maxBytes: 200);
        Assert.Equal(["0", "2"], set.Entries.Select(entry => entry.Name));
        Assert.StartsWith("1: The set has more than", Assert.Single(set.SkipReasons), StringComparison.Ordinal);
        file.Position = 0;
        var error = Assert.Throws<ImageSetException>(() => ImageSetFile.Read(file, maxBytes: 10));
        Assert.Contains("3 were skipped", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ImageBeyondTheLimit_IsSkippedUnread()
    {
        const long length = ImageLimits.MaxFileBytes + 1L;
        const string description = """{"names":["big","b"],"labels":null,"classes":null}""";
        var header = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["__metadata__"] = new Dictionary<string, string> { ["fewshot.images"] = description },
            ["000000"] = new { dtype = "U8", shape = new[] { length }, data_offsets = new[] { 0, length } },
            ["000001"] = new { dtype = "U8", shape = new[] { 2 }, data_offsets = new[] { length, length + 2 } },
        });
        using (var file = File.Create(folder["set"]))
        {
            file.Write([.. BitConverter.GetBytes((long)header.Length), .. header]);
            file.SetLength(file.Position + length + 2);
        }

        ImageSet? set = null;
        Assert.InRange(MemoryProbe.PeakGrowth(() => set = ImageSetFile.Read(folder["set"])), 0, Little);
        Assert.Equal("b", Assert.Single(set!.Entries).Name);
        Assert.Equal(1, set.Skipped);
    }

    [Theory]
    [InlineData(Augmentation.None)]
    [InlineData(Augmentation.RandomResizedCropFlip)]
    public void Batches_UploadedSetWithHostileImages_SkipsThemForLittleMemory(Augmentation augmentation)
    {
        byte[][] hostile = [Forged.Png(1, 50_000_000), Forged.Png(448, 111_000), Forged.Png(0x7fffffff, 0x7fffffff)];
        var set = Set([Scenes.Png(40, 30, 3, 1), .. hostile, Scenes.Png(50, 50, 3, 2)]);
        Assert.InRange(
            MemoryProbe.PeakGrowth(() =>
            {
                using var batches = new ImageBatches(set, Transform, CPU, augmentation);
                Assert.Equal((2, 3), (batches.Count, batches.Skipped));
                Assert.StartsWith("1: The image is 1 x 50000000", batches.SkipReasons[0], StringComparison.Ordinal);
                using var batch = batches.Training(1, 0, 2, out _);
                Assert.Equal([2L, 3, 32, 32], batch.shape);
            }),
            0, Little);
    }

    [Fact]
    public void Batches_DecodedImagesBeyondTheBudget_SkipsTheLast()
    {
        var set = Set([.. Enumerable.Range(0, 6).Select(i => Scenes.Png(60, 50, 3, (ulong)i))]);
        const long evaluation = 3 * 32 * 32, source = 3 * 60 * 50;
        using var batches = new ImageBatches(
            set, Transform, CPU, Augmentation.RandomResizedCropFlip, maxKeptBytes: (4 * (evaluation + source)) + 10);
        Assert.Equal((4, 2), (batches.Count, batches.Skipped));
        Assert.StartsWith("4: The decoded images of the set", batches.SkipReasons[0], StringComparison.Ordinal);
        using var small = new ImageBatches(set, Transform, CPU, Augmentation.None, maxKeptBytes: 4 * (evaluation + source));
        Assert.Equal(6, small.Count);
    }

    [Theory]
    [InlineData(448, 65_535)]
    [InlineData(65_535, 700)]
    public void Batches_LongestSides_AreKeptShort(int width, int height)
    {
        var transform = Transform with { Size = 224, Resize = 256 };
        var entry = new ImageSetEntry("long.png", PngEncoder.Encode(new Image(width, height, 1, new byte[width * height])), null);
        var shorter = Math.Min(Math.Min(width, height), 512);
        Assert.InRange(DecodedImage.BytesOf(entry, transform, keepSource: true), 1, 3 * ((224 * 224) + (shorter * ((17 * shorter) + 1))));
        Assert.InRange(
            MemoryProbe.PeakGrowth(() =>
            {
                using var batches = new ImageBatches(new ImageSet([entry], null), transform, CPU, Augmentation.RandomResizedCropFlip);
                Assert.Equal(1, batches.Count);
                using var batch = batches.Training(1, 0, 1, out _);
            }),
            0, ImageLimits.MaxDecodingBytes);
    }

    [Theory]
    [InlineData(30, 1000)]
    [InlineData(30, 1001)]
    [InlineData(777, 20)]
    [InlineData(31, 527)]
    public void Augment_LongerThanIsKept_IsTheCropOfTheWholeImage(int width, int height)
    {
        var entry = new ImageSetEntry("long.png", Scenes.Png(width, height, 3, 3), null);
        var whole = ImageDecoder.Decode(entry.Encoded);
        var decoded = DecodedImage.From(entry, Transform, keepSource: true);
        for (var i = 0; i < 50; i++)
        {
            var (random, again) = (AugmentationLaws.RandomFor(1, i, 0), AugmentationLaws.RandomFor(1, i, 0));
            var found = new byte[3 * 32 * 32];
            decoded.Augment(Augmentation.RandomResizedCropFlip, Transform, ref random, found);
            var box = AugmentationLaws.ResizedCrop(width, height, ref again);
            var crop = Resampler.Resize(whole, box, 32, 32, new(0, 0, 32, 32), Transform.Interpolation);
            var mirror = AugmentationLaws.Flip(ref again);
            for (var at = 0; at < found.Length; at++)
            {
                var (c, y, x) = (at / 1024, at / 32 % 32, at % 32);
                Assert.Equal(crop.Pixels[(((y * 32) + (mirror ? 31 - x : x)) * 3) + c], found[at]);
            }
        }
    }

    [Theory]
    [InlineData(65_535, 1)]
    [InlineData(1, 65_535)]
    public void Apply_LongestSideAndLargestResize_CostsOnlyTheWindow(int width, int height)
    {
        var image = new Image(width, height, 3, new byte[width * height * 3]);
        var transform = Transform with { Size = 224, Resize = 8192 };
        Assert.InRange(MemoryProbe.PeakGrowth(() => Assert.Equal(224, transform.Apply(image).Width)), 0, Little);
    }

    private static ImageSet Set(params byte[][] encoded) =>
        new([.. encoded.Select((bytes, i) => new ImageSetEntry($"{i}", bytes, null))], null);
}
