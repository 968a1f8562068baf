using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Imaging.Tests;

public sealed class ImageBatchesTests
{
    private static readonly double[] Mean = [.485, .456, .406], Std = [.229, .224, .225];
    private static readonly EvaluationTransform Small = new(32, 0, false, Interpolation.Bilinear, Mean, Std);

    [SkippableFact]
    public void Evaluation_AnySizeAndRealJpegs_EqualsTorchvision()
    {
        Python.SkipIfMissing();
        using var folder = new TemporaryFolder();
        foreach (var (width, height) in new[] { (50, 41), (41, 83), (200, 90), (40, 40), (31, 77), (97, 24) })
            folder.Write($"{width}x{height}.png", Scenes.Png(width, height, 3, (ulong)width));
        // Greyscale and very large ones are among these; without them the drawn pictures have to do.
        if (SharedFolder.Find("data/imagenet/originals") is { } originals)
        {
            foreach (var file in Directory.EnumerateFiles(originals).Order(StringComparer.Ordinal))
                File.Copy(file, folder[Path.GetFileName(file)]);
        }

        EvaluationTransform[] transforms =
        [
            new(32, 40, false, Interpolation.Bilinear, Mean, Std), new(32, 40, false, Interpolation.Bicubic, Mean, Std),
            new(33, 48, true, Interpolation.Bicubic, Mean, Std), new(224, 256, false, Interpolation.Bicubic, Mean, Std),
        ];
        Python.Oracle("evaluate.py", [folder.Path, .. transforms.Select(t => $"{t.Resize}:{t.Size}:{t.ResizeBothSides}:{t.Interpolation}")]);
        var set = ImageSet.FromFolder(folder.Path).Load();
        Assert.Equal(0, set.Skipped);
        for (var number = 0; number < transforms.Length; number++)
        {
            using var batches = new ImageBatches(set, transforms[number], CPU);
            for (var i = 0; i < batches.Count; i++)
            {
                using var tensor = batches.Evaluation(i, 1);
                var expected = File.ReadAllBytes(folder[$"{set.Entries[i].Name}.{number}.f32"]);
                var wanted = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(expected).ToArray();
                Assert.Equal(wanted.Length, tensor.numel());
                var worst = tensor.data<float>().ToArray().Zip(wanted, (a, b) => Math.Abs(a - b)).Max();
                Assert.True(worst <= 1e-6, $"{set.Entries[i].Name} under {transforms[number]} differs by {worst}.");
            }
        }
    }

    [Theory]
    [InlineData(Augmentation.None)]
    [InlineData(Augmentation.Flip)]
    [InlineData(Augmentation.PaddedCropFlip)]
    [InlineData(Augmentation.RandomResizedCropFlip)]
    [InlineData(Augmentation.RandAugment)]
    public void Training_SameArguments_SameBatchWhateverCameBefore(Augmentation augmentation)
    {
        using var batches = new ImageBatches(Set(10, 32), Small, CPU, augmentation);
        using var first = batches.Training(2021, 7, 4, out var indices);
        using (var other = batches.Training(2022, 7, 4, out _))
            Assert.NotEqual(first.bytes.ToArray(), other.bytes.ToArray());
        using (var later = batches.Training(2021, 8, 4, out _))
            Assert.NotEqual(first.bytes.ToArray(), later.bytes.ToArray());
        using var fresh = new ImageBatches(Set(10, 32), Small, CPU, augmentation);
        using var again = fresh.Training(2021, 7, 4, out var sameIndices);
        Assert.Equal(indices, sameIndices);
        Assert.Equal(first.bytes.ToArray(), again.bytes.ToArray());
        Assert.Equal([4L, 3, 32, 32], first.shape);
        Assert.Equal(ScalarType.Float32, first.dtype);
    }

    [Fact]
    public void Training_Epoch_ShowsEveryImageOnceAndDropsThePartialBatch()
    {
        using var batches = new ImageBatches(Set(10, 32), Small, CPU);
        Assert.Equal(3, batches.BatchesPerEpoch(3));
        int[] Epoch(int epoch) => Enumerable.Range(epoch * 3, 3).SelectMany(i =>
        {
            batches.Training(5, i, 3, out var indices).Dispose();
            return indices;
        }).ToArray();
        Assert.Equal(9, Epoch(0).Distinct().Count());
        Assert.NotEqual(Epoch(0), Epoch(1));
        using var whole = batches.Training(5, 0, 64, out var all);
        Assert.Equal(Enumerable.Range(0, 10), all.Order());
    }

    [Fact]
    public void Training_NoAugmentation_IsTheEvaluationOfThoseImages()
    {
        using var batches = new ImageBatches(Set(6, 32), Small, CPU);
        using var training = batches.Training(1, 0, 4, out var indices);
        using var evaluation = batches.Evaluation(0, 6);
        for (var i = 0; i < 4; i++)
        {
            const int bytes = 3 * 32 * 32 * sizeof(float);
            Assert.True(training.bytes.Slice(i * bytes, bytes).SequenceEqual(evaluation.bytes.Slice(indices[i] * bytes, bytes)));
        }
    }

    [Fact]
    public void Training_PaddedCropFlip_IsAShiftWithBlackBorderAndEveryShiftHappens()
    {
        var set = Set(1, 32);
        using var batches = new ImageBatches(set, Raw, CPU, Augmentation.PaddedCropFlip);
        var image = ImageDecoder.Decode(set.Entries[0].Encoded);
        var seen = new HashSet<(int, int, bool)>();
        for (var iteration = 0; iteration < 1200; iteration++)
        {
            using var tensor = batches.Training(3, iteration, 1, out _);
            seen.Add(Find(image, tensor.data<float>().ToArray()));
        }

        // 162 cases, each missed by 1200 draws with probability 0.0006.
        Assert.InRange(seen.Count, 158, 162);
    }

    [Fact]
    public void Training_Flip_HappensEveryOtherTime()
    {
        var set = Set(8, 32);
        using var batches = new ImageBatches(set, Raw, CPU, Augmentation.Flip);
        var flipped = 0;
        for (var iteration = 0; iteration < 50; iteration++)
        {
            using var tensor = batches.Training(3, iteration, 8, out var indices);
            var values = tensor.data<float>().ToArray();
            for (var i = 0; i < 8; i++)
            {
                var (x, y, mirror) = Find(ImageDecoder.Decode(set.Entries[indices[i]].Encoded), values[(i * 3072)..((i + 1) * 3072)]);
                Assert.Equal((0, 0), (x, y));
                flipped += mirror ? 1 : 0;
            }
        }

        Assert.InRange(flipped, 160, 240);
    }

    [Theory]
    [InlineData(28, 1)]
    [InlineData(64, 1)]
    [InlineData(64, 3)]
    public void Training_RandAugment_VariesAnySizeAndChannelsAndRepeatsToTheByte(int size, int channels)
    {
        var transform = new EvaluationTransform(size, size < 64 ? 0 : size, false, Interpolation.Bicubic, Mean[..channels], Std[..channels]);
        using var batches = new ImageBatches(Set(8, 70), transform, CPU, Augmentation.RandAugment);
        using var fresh = new ImageBatches(Set(8, 70), transform, CPU, Augmentation.RandAugment);
        using var first = batches.Training(1, 0, 8, out _);
        using var again = fresh.Training(1, 0, 8, out _);
        Assert.Equal([8L, channels, size, size], first.shape);
        Assert.Equal(first.bytes.ToArray(), again.bytes.ToArray());
        using var one = new ImageBatches(Set(1, 70), transform, CPU, Augmentation.RandAugment);
        var seen = Enumerable.Range(0, 20).Select(iteration =>
        {
            using var tensor = one.Training(1, iteration, 1, out _);
            return Convert.ToHexString(tensor.bytes);
        });
        Assert.Equal(20, seen.Distinct().Count());
    }

    [Theory]
    [InlineData(Augmentation.RandAugment, 63, Augmentation.PaddedCropFlip)]
    [InlineData(Augmentation.RandAugment, 64, Augmentation.RandomResizedCropFlip)]
    [InlineData(Augmentation.Flip, 32, Augmentation.Flip)]
    [InlineData(Augmentation.RandomResizedCropFlip, 32, Augmentation.RandomResizedCropFlip)]
    public void CropOf_Law_IsItselfButRandAugmentsFollowsTheSize(Augmentation augmentation, int size, Augmentation expected) =>
        Assert.Equal(expected, AugmentationLaws.CropOf(augmentation, size));

    [Fact]
    public void ResizedCrop_ManyDraws_FollowsTorchvisionsLaw()
    {
        double area = 0, ratio = 0;
        const int draws = 4000;
        for (var i = 0; i < draws; i++)
        {
            var random = AugmentationLaws.RandomFor(9, i, 0);
            var box = AugmentationLaws.ResizedCrop(500, 375, ref random);
            Assert.True(box is { X: >= 0, Y: >= 0 } && box.X + box.Width <= 500 && box.Y + box.Height <= 375);
            Assert.InRange((double)box.Width / box.Height, 0.74, 1.35);
            area += box.Width * box.Height / (500.0 * 375);
            ratio += Math.Log((double)box.Width / box.Height);
        }

        // torchvision's own get_params over 40,000 draws.
        Assert.InRange(area / draws, 0.4342 - 0.015, 0.4342 + 0.015);
        Assert.InRange(ratio / draws, 0.0317 - 0.012, 0.0317 + 0.012);
        var narrow = AugmentationLaws.RandomFor(9, 0, 0);
        Assert.Equal(new PixelBox(0, 493, 10, 13), AugmentationLaws.ResizedCrop(10, 1000, ref narrow));
    }

    [Fact]
    public void Constructor_DamagedImage_IsSkippedAndCounted()
    {
        var entries = Set(3, 32, classes: 3).Entries.ToList();
        entries[1] = entries[1] with { Encoded = [1, 2, 3] };
        using var batches = new ImageBatches(new ImageSet(entries, 3), Small, CPU);
        Assert.Equal((2, 1), (batches.Count, batches.Skipped));
        Assert.Equal([0, 2], batches.Labels);
        Assert.StartsWith("1.png", Assert.Single(batches.SkipReasons), StringComparison.Ordinal);
        Assert.Throws<ImageSetException>(() => new ImageBatches(new ImageSet([entries[1]], 3), Small, CPU));
    }

    [Fact]
    public void Evaluation_OtherSizeWithoutResize_IsResizedStraight()
    {
        using var batches = new ImageBatches(Set(2, 64), Small, CPU);
        using var tensor = batches.Evaluation(0, 2);
        Assert.Equal([2L, 3, 32, 32], tensor.shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.Evaluation(1, 2));
    }

    [Fact]
    public void Evaluation_OneChannel_IsGrey()
    {
        var set = Set(2, 28);
        using var batches = new ImageBatches(set, new(28, 0, false, Interpolation.Bilinear, [0.5], [0.5]), CPU);
        using var tensor = batches.Evaluation(1, 1);
        Assert.Equal([1L, 1, 28, 28], tensor.shape);
        Assert.Equal(
            ImageDecoder.Decode(set.Entries[1].Encoded, channels: 1).Pixels.Select(p => ((p / 255f) - 0.5f) / 0.5f), tensor.data<float>().ToArray());
    }

    [Fact]
    public void Constructor_ImpossibleTransform_Throws()
    {
        Assert.Throws<ArgumentException>(() => new ImageBatches(Set(1, 32), Small with { Resize = 31 }, CPU));
        Assert.Throws<ArgumentException>(() => new ImageBatches(Set(1, 32), Small with { Std = [1, 1] }, CPU));
        Assert.Throws<ArgumentException>(() => new ImageBatches(Set(1, 32), Small with { Std = [1, 0, 1] }, CPU));
    }

    [Fact]
    public void Training_ManyIterations_KeepsNoTensors()
    {
        using var batches = new ImageBatches(Set(8, 32), Small, CPU, Augmentation.PaddedCropFlip);
        using var scope = NewDisposeScope();
        for (var iteration = 0; iteration < 20; iteration++)
            batches.Training(1, iteration, 8, out _).Dispose();
        Assert.Equal(0, scope.DisposablesCount);
    }

    [Fact]
    public void Training_AspectRatioBeyondReason_CostsLittle()
    {
        var set = new ImageSet([new("line.png", Scenes.Png(20_000, 1, 3, 1), null)], null);
        using var batches = new ImageBatches(set, new(32, 40, false, Interpolation.Bicubic, Mean, Std), CPU, Augmentation.RandomResizedCropFlip);
        using var tensor = batches.Training(1, 0, 1, out _);
        Assert.Equal([1L, 3, 32, 32], tensor.shape);
    }

    /// <summary>Values that are the pixels themselves.</summary>
    private static EvaluationTransform Raw => Small with { Mean = [0, 0, 0], Std = [1, 1, 1] };

    private static ImageSet Set(int count, int side, int? classes = null) => new(
        Enumerable.Range(0, count).Select(i => new ImageSetEntry($"{i}.png", Scenes.Png(side, side, 3, (ulong)i), classes is null ? null : i % classes)).ToArray(), classes);

    /// <summary>The shift and mirroring that explain a batch's image; fails where none does.</summary>
    private static (int X, int Y, bool Mirror) Find(Image image, float[] values)
    {
        var pixels = values.Select(v => (int)Math.Round(v * 255)).ToArray();
        foreach (var mirror in new[] { false, true })
        {
            for (var top = -4; top <= 4; top++)
            {
                for (var left = -4; left <= 4; left++)
                {
                    if (Matches(image, pixels, left, top, mirror))
                        return (left, top, mirror);
                }
            }
        }

        throw new InvalidOperationException("Neither a shift nor a mirrored shift of the image.");
    }

    private static bool Matches(Image image, int[] pixels, int left, int top, bool mirror)
    {
        for (var i = 0; i < pixels.Length; i++)
        {
            var (c, y, x) = (i / 1024, i / 32 % 32, i % 32);
            var (sourceX, sourceY) = ((mirror ? 31 - x : x) + left, y + top);
            var inside = sourceX is >= 0 and < 32 && sourceY is >= 0 and < 32;
            if (pixels[i] != (inside ? image.Pixels[(((sourceY * 32) + sourceX) * 3) + c] : 0))
                return false;
        }

        return true;
    }
}
