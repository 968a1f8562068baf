using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

public sealed class NetworkImagesTests
{
    public static TheoryData<string> Names => [.. Preprocessing.Augmentations];

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_EveryAugmentationAPreprocessingTakes_HasALaw(string name)
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.Create(path))
                ImageSetFile.Write(file, SmallSet.Images(3));
            var preprocessing = (Preprocessing.Cifar with { Augmentation = name }).Checked();
            using var images = NetworkImages.Load(path, preprocessing, torch.CPU, augmented: true);
            using var plain = NetworkImages.Load(path, preprocessing, torch.CPU, augmented: false);
            using var batch = images.Training(3, 0, 3, out _);
            using var evaluation = plain.Training(3, 0, 3, out _);
            Assert.Equal([3L, 3, 32, 32], batch.shape);
            Assert.Equal(name == "none", batch.bytes.SequenceEqual(evaluation.bytes));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
