namespace Fewshot.Imaging.Tests;

public class PreviewGridTests
{
    [Fact]
    public void Draw_SmallImages_AreMagnifiedByAWholeFactor()
    {
        var images = Enumerable.Range(1, 5).Select(i => new Image(40, 20, 3, [.. Enumerable.Repeat((byte)(i * 10), 2400)])).ToArray();

        var grid = PreviewGrid.Draw(images);

        // Three columns of 80 pixels, two rows of 40, two pixels of paper around each.
        Assert.Equal(((3 * 82) + 2, (2 * 42) + 2, 3), (grid.Width, grid.Height, grid.Channels));
        Assert.Equal((10, 20, 50, 255), (At(grid, 2, 2), At(grid, 84, 2), At(grid, 163, 83), At(grid, 82, 2)));
        Assert.Equal(255, At(grid, 170, 50));
    }

    [Fact]
    public void Draw_PixelsOfOneImage_BecomeSquares()
    {
        var grid = PreviewGrid.Draw([new Image(2, 1, 1, [7, 9])]);

        Assert.Equal((100, 52, 1), (grid.Width, grid.Height, grid.Channels));
        Assert.Equal((7, 7, 9, 9), (At(grid, 2, 2), At(grid, 49, 49), At(grid, 50, 2), At(grid, 97, 49)));
    }

    [Fact]
    public void Draw_LargeImagesOfSeveralSizes_KeepTheirPixels()
    {
        var grid = PreviewGrid.Draw([new Image(100, 50, 1, new byte[5000]), new Image(10, 120, 3, new byte[3600])]);
        Assert.Equal((206, 124, 3), (grid.Width, grid.Height, grid.Channels));
        Assert.Equal((0, 255, 0, 255), (At(grid, 2, 2), At(grid, 2, 60), At(grid, 104, 121), At(grid, 115, 2)));
    }

    [Fact]
    public void Draw_EncodedImagesOfExtremeSizes_StaysSmallAndLeavesOutWhatIsBroken()
    {
        ImageSetEntry[] entries =
        [
            new("0", Scenes.Png(20_000, 1, 1, 1), null), new("1", [1, 2, 3], null),
            new("2", Scenes.Png(1, 20_000, 1, 1), null), new("3", Forged.Png(1, 50_000_000), null),
        ];
        var grid = PreviewGrid.Draw(entries);
        // Two columns of cells whose side is sqrt(64 Mi / 4) less two gaps.
        Assert.Equal(((2 * (4096 - 4 + 2)) + 2, 4096 - 4 + 4), (grid.Width, grid.Height));
        Assert.All(PreviewGrid.Draw([entries[1]]).Pixels, value => Assert.Equal(255, value));
    }

    private static int At(Image image, int x, int y) => image.Pixels[((y * image.Width) + x) * image.Channels];
}
