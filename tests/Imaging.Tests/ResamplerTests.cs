namespace Fewshot.Imaging.Tests;

public class ResamplerTests
{
    [SkippableFact]
    public void Resize_CropsAndScales_EqualPillowToTheBit()
    {
        Python.SkipIfMissing();
        using var folder = new TemporaryFolder();
        var random = new Philox(3, 0, 0, 0);
        var images = new Dictionary<string, Image> { ["colour.png"] = Scenes.Make(151, 97, 3, 1), ["grey.png"] = Scenes.Make(83, 120, 1, 2) };
        foreach (var (name, image) in images)
            folder.Write(name, PngEncoder.Encode(image));
        var requests = new List<(string Name, PixelBox Box, int Width, int Height, Interpolation Kind)>();
        for (var i = 0; i < 60; i++)
        {
            var (name, image) = images.ElementAt(i % 2);
            var (width, height) = (1 + random.NextInt32(image.Width), 1 + random.NextInt32(image.Height));
            var box = new PixelBox(random.NextInt32(image.Width - width + 1), random.NextInt32(image.Height - height + 1), width, height);
            // Every third keeps one side, where Pillow leaves a pass out.
            requests.Add((name, box, i % 3 == 0 ? width : 1 + random.NextInt32(200), 1 + random.NextInt32(200), (Interpolation)(i / 2 % 2)));
        }

        File.WriteAllLines(folder["requests"], requests.Select(r => $"{r.Name} {r.Box.X} {r.Box.Y} {r.Box.Width} {r.Box.Height} {r.Width} {r.Height} {r.Kind}"));
        Python.Oracle("resize.py", folder.Path);
        for (var i = 0; i < requests.Count; i++)
        {
            var (name, box, width, height, kind) = requests[i];
            var resized = Resampler.Resize(images[name], box, width, height, new(0, 0, width, height), kind);
            Assert.True(File.ReadAllBytes(folder[$"{i}.raw"]).AsSpan().SequenceEqual(resized.Pixels), $"{requests[i]}");
        }
    }

    [Fact]
    public void Resize_Window_IsThatPartOfTheWhole()
    {
        var image = Scenes.Make(90, 70, 3, 4);
        var whole = Resampler.Resize(image, 41, 33, Interpolation.Bicubic);
        var part = Resampler.Resize(image, new(0, 0, 90, 70), 41, 33, new(5, 7, 20, 11), Interpolation.Bicubic);
        for (var y = 0; y < 11; y++)
            Assert.Equal(whole.Pixels.AsSpan((((y + 7) * 41) + 5) * 3, 60).ToArray(), part.Pixels.AsSpan(y * 60, 60).ToArray());
    }

    [Fact]
    public void Resize_SameSize_CopiesThePixels() => Assert.Equal(
        Scenes.Make(9, 8, 3, 4).Pixels, Resampler.Resize(Scenes.Make(9, 8, 3, 4), 9, 8, Interpolation.Bicubic).Pixels);

    [Theory]
    [InlineData(-1, 0, 4, 4)]
    [InlineData(0, 0, 10, 4)]
    [InlineData(0, 5, 4, 4)]
    [InlineData(0, 0, 0, 4)]
    [InlineData(int.MaxValue, 0, 4, 4)]
    public void Resize_BoxOutside_Throws(int x, int y, int width, int height) => Assert.Throws<ArgumentOutOfRangeException>(
        () => Resampler.Resize(Scenes.Make(9, 8, 3, 4), new(x, y, width, height), 4, 4, new(0, 0, 4, 4), Interpolation.Bilinear));
}
