using System.Globalization;

namespace Fewshot.Imaging.Tests;

public sealed class RandAugmentTests
{
    private static readonly double[] Strengths = [0, 1 / 3.0, 0.5, 0.77, 0.9, 1];

    [SkippableFact]
    public void Apply_EveryOperationAndStrength_EqualsPillowToTheBit()
    {
        Python.SkipIfMissing();
        using var folder = new TemporaryFolder();
        var images = new Dictionary<string, Image>
        {
            ["colour.png"] = Scenes.Make(57, 57, 3, 1),
            ["grey.png"] = Scenes.Make(32, 32, 1, 2),
            ["pale.png"] = Pale(Scenes.Make(40, 40, 3, 3)),
            ["flat.png"] = new Image(9, 9, 3, [.. Enumerable.Repeat((byte)77, 243)]),
        };
        foreach (var (name, image) in images)
            folder.Write(name, PngEncoder.Encode(image));
        var requests = (
            from name in images.Keys
            from operation in Enum.GetValues<RandAugmentOperation>()
            from strength in Strengths
            from opposite in new[] { false, true }
            from interpolation in operation is RandAugmentOperation.Rotate or >= RandAugmentOperation.ShearX ? Enum.GetValues<Interpolation>() : [default]
            select (Name: name, Operation: operation, Strength: strength, Opposite: opposite, Interpolation: interpolation)).ToArray();
        File.WriteAllLines(folder["requests"], requests.Select(r => string.Create(
            CultureInfo.InvariantCulture, $"{r.Name} {r.Operation} {r.Strength:R} {r.Opposite} {r.Interpolation} {string.Join(',', Fill(images[r.Name]))}")));
        Python.Oracle("augment.py", folder.Path);
        for (var i = 0; i < requests.Length; i++)
        {
            var (name, operation, strength, opposite, interpolation) = requests[i];
            var image = images[name];
            var values = PlaneByPlane(image);
            RandAugment.Apply(operation, strength, opposite, new Planes(values, image.Channels, image.Width), interpolation, Fill(image));
            Assert.True(File.ReadAllBytes(folder[$"{i}.raw"]).AsSpan().SequenceEqual(values), $"{requests[i]}");
        }
    }

    [Fact]
    public void Apply_ManyDraws_ChangesThreeImagesOfFour()
    {
        var image = PlaneByPlane(Pale(Scenes.Make(16, 16, 3, 4)));
        var results = new HashSet<string>();
        var same = 0;
        const int draws = 4000;
        for (var i = 0; i < draws; i++)
        {
            var random = AugmentationLaws.RandomFor(5, i, 0);
            var values = image.ToArray();
            RandAugment.Apply(new Planes(values, 3, 16), Interpolation.Bilinear, [128, 128, 128], ref random);
            same += values.AsSpan().SequenceEqual(image) ? 1 : 0;
            results.Add(Convert.ToBase64String(values));
        }

        // Both operations are left out (1/4), or both invert (1/900).
        Assert.InRange((double)same / draws, 0.25 - 0.021, 0.25 + 0.023);
        Assert.InRange(results.Count, draws / 3, draws);
    }

    [Fact]
    public void ColorJitter_FlatGrey_IsBrighterOrDarkerByUpToThirtyPercent()
    {
        var seen = new List<int>();
        for (var i = 0; i < 2000; i++)
        {
            var random = AugmentationLaws.RandomFor(6, i, 0);
            byte[] values = [.. Enumerable.Repeat((byte)100, 3 * 16)];
            ColorJitter.Apply(new Planes(values, 3, 4), ref random);
            seen.Add(Assert.Single(values.Distinct()));
        }

        Assert.InRange(seen.Min(), 69, 71);
        Assert.InRange(seen.Max(), 128, 130);
        Assert.InRange(seen.Average(), 98.5, 100.5);
    }

    [Fact]
    public void ColorJitter_Colours_KeepTheirOrderAndAreAllChanged()
    {
        var (contrast, saturation) = (new List<int>(), new List<int>());
        for (var i = 0; i < 300; i++)
        {
            var random = AugmentationLaws.RandomFor(7, i, 0);
            byte[] values = [120, 120, 80, 80, 90, 90, 110, 110, 100, 100, 100, 100];
            ColorJitter.Apply(new Planes(values, 3, 2), ref random);
            contrast.Add(values[0] + values[4] - values[2] - values[6]);
            saturation.Add(values[0] - values[4]);
        }

        Assert.True(saturation.Min() > 0);
        Assert.InRange(saturation.Max() - saturation.Min(), 20, 60);
        Assert.True(contrast.Distinct().Count() > 5);
    }

    internal static byte[] PlaneByPlane(Image image) =>
        [.. Enumerable.Range(0, image.Channels).SelectMany(c => image.Pixels.Where((_, i) => i % image.Channels == c))];

    private static Image Pale(Image image) => image with { Pixels = [.. image.Pixels.Select(value => (byte)((value / 3) + 60))] };

    private static byte[] Fill(Image image) => image.Channels == 1 ? [128] : [124, 116, 104];
}
