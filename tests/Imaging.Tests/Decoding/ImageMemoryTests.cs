namespace Fewshot.Imaging.Tests;

/// <summary>What hostile and large images may cost.</summary>
[Collection(MemoryTests.Name)]
public sealed class ImageMemoryTests(OracleImages images) : IClassFixture<OracleImages>
{
    private const long Little = 48 << 20;

    [Theory]
    [InlineData("PNG", 1, 50_000_000, "1 x 50000000")]
    [InlineData("PNG", 50_000_000, 1, "50000000 x 1")]
    [InlineData("PNG", 448, 111_000, "448 x 111000")]
    [InlineData("PNG", 65_535, 65_535, "at most 50 million")]
    [InlineData("PNG", 1, 65_536, "at most 65535")]
    [InlineData("PNG", 0x7fffffff, 0x7fffffff, "Damaged")]
    [InlineData("PNG", 0x80000001, 3, "Damaged")]
    [InlineData("PNG", 0, 3, "Damaged")]
    [InlineData("JPEG", 65_500, 65_500, "65500 x 65500")]
    [InlineData("GIF", 65_535, 65_535, "65535 x 65535")]
    [InlineData("BMP", 448, 111_000, "448 x 111000")]
    [InlineData("BMP", 1, 50_000_000, "1 x 50000000")]
    [InlineData("BMP", 0x7fffffff, 0x7fffffff, "2147483647 x 2147483647")]
    [InlineData("BMP", 16, 0x80000000, "16 x 2147483648")]
    [InlineData("TIFF", 448, 111_000, "448 x 111000")]
    [InlineData("TIFF", 1, 50_000_000, "1 x 50000000")]
    [InlineData("TIFF", 0x7fffffff, 2, "Damaged")]
    [InlineData("TIFF", 0xffffffff, 0xffffffff, "Damaged")]
    [InlineData("TIFF", 0x10001, 0x10001, "65537 x 65537")]
    [InlineData("tiled TIFF", 0x10000, 0, "Damaged")]
    [InlineData("tiled TIFF", 0xfffffff0, 0)]
    [InlineData("tiled TIFF", 30_000, 0)]
    [InlineData("tiled TIFF", 9_984, 0)]
    [InlineData("WebP", 16_000_000, 1, "Damaged")]
    [InlineData("WebP", 0xffffff, 0xffffff, "Damaged")]
    public void Decode_SidesBeyondReason_IsRefusedForLittleMemory(string format, uint width, uint height, string? said = null)
    {
        ImageDecoder.Decode(Scenes.Png(9, 9, 3, 1));
        var file = Forged.Of(format, width, height);
        ImageFormatException? error = null;
        Assert.InRange(MemoryProbe.PeakGrowth(() =>
            error = Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(file))), 0, Little);
        if (said is not null)
            Assert.Contains(said, error!.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Decode_LargerThanTheLimit_IsRefused()
    {
        foreach (var name in new[] { "baseline.jpg", "rgb.png", "lossy.webp", "rgb-raw.tif" })
        {
            var encoded = images.Read(name);
            Assert.Equal(61, ImageDecoder.Decode(encoded, maxPixels: 61 * 45).Width);
            var error = Assert.Throws<ImageFormatException>(() => ImageDecoder.Decode(encoded, maxPixels: (61 * 45) - 1));
            Assert.Contains("61 x 45", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Decode_LargestImage_StaysWithinTheBudget()
    {
        var encoded = PngEncoder.Encode(new Image(10_000, 5_000, 3, new byte[150_000_000]));
        Assert.InRange(MemoryProbe.PeakGrowth(() =>
            ImageDecoder.Decode(encoded, 3, image => image.Width)), 1, ImageLimits.MaxDecodingBytes);
    }

    [Fact]
    public void Decode_AnotherLargeImageMeanwhile_WaitsForMemory()
    {
        var encoded = PngEncoder.Encode(new Image(6_000, 5_000, 1, new byte[30_000_000]));
        using var release = new ManualResetEventSlim();
        using var holds = new ManualResetEventSlim();
        var second = false;
        var holder = new Thread(() => ImageDecoder.Decode(encoded, 1, _ =>
        {
            holds.Set();
            release.Wait();
            return 0;
        }));
        var waiter = new Thread(() => ImageDecoder.Decode(encoded, 1, _ => second = true));
        holder.Start();
        holds.Wait();
        waiter.Start();
        SpinWait.SpinUntil(() => waiter.ThreadState.HasFlag(ThreadState.WaitSleepJoin) || second, TimeSpan.FromSeconds(30));
        Assert.False(second);
        release.Set();
        holder.Join();
        waiter.Join();
        Assert.True(second);
    }

    [SkippableFact]
    public void Decode_TwoThousandTimes_KeepsNothing()
    {
        byte[][] files =
        [
            images.Read("orientation6.jpg"), images.Read("cmyk.jpg"), images.Read("sixteen-alpha.png"), images.Read("alpha.webp"),
            images.Read("tiles.tif"),
            images.Read("animated.gif"), images.Read("rle8.bmp"), images.Read("truncated-progressive.jpg"),
            images.Read("truncated-rgb.png"), Forged.Png(448, 111_000),
        ];
        void Decode(int times)
        {
            for (var i = 0; i < times; i++)
            {
                try
                {
                    PngEncoder.Encode(ImageDecoder.Decode(files[i % files.Length]));
                }
                catch (ImageFormatException)
                {
                    // Three of the files.
                }
            }
        }

        Decode(500);
        var (bytes, blocks, open) = (NetVips.Stats.Mem, NetVips.Stats.Allocations, NetVips.Stats.Files);
        Assert.InRange(MemoryProbe.PeakGrowth(() => Decode(2000)), 0, Little);
        Assert.Equal((bytes, blocks, open), (NetVips.Stats.Mem, NetVips.Stats.Allocations, NetVips.Stats.Files));
    }

    [Fact]
    public void Take_MoreThanIsFree_WaitsForTheOthers()
    {
        var budget = new MemoryBudget(100);
        var first = budget.Take(60);
        var second = budget.Take(40);
        IDisposable? third = null;
        var waiter = new Thread(() => third = budget.Take(1000));
        waiter.Start();
        first.Dispose();
        SpinWait.SpinUntil(() => waiter.ThreadState.HasFlag(ThreadState.WaitSleepJoin), TimeSpan.FromSeconds(30));
        Assert.Null(third);
        second.Dispose();
        waiter.Join();
        third!.Dispose();
        budget.Take(100).Dispose();
    }
}
