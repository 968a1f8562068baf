using Fewshot.Imaging;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Tests;

public class NetworkImagesTests
{
    [Fact]
    public void Load_PreparedImages_AreEvaluatedAsTheyAre()
    {
        var path = Path.GetTempFileName();
        try
        {
            var resized = Preprocessing.Cifar with { Resize = 40 };
            float[] Batch(bool prepared)
            {
                using (var file = File.Create(path))
                    ImageSetFile.Write(file, new ImageSet(SmallSet.Images(2).Entries, 4) { Prepared = prepared });
                using var images = NetworkImages.Load(path, resized, CPU, augmented: false);
                using var batch = images.Evaluation(0, 2);
                return batch.data<float>().ToArray();
            }

            using var plain = SmallSet.Batches();
            using var expected = plain.Evaluation(0, 2);
            Assert.Equal(expected.data<float>().ToArray(), Batch(prepared: true));
            Assert.NotEqual(expected.data<float>().ToArray(), Batch(prepared: false));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
