using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Damaged and hostile files: whatever the bytes say, the answer is tensors or a <see cref="CheckpointException"/>.</summary>
public class MutationTests
{
    [Fact]
    public void ReadTensors_MutatedSafetensors_OnlyCheckpointException()
    {
        using var file = new MemoryStream();
        using (var network = ModelCatalog.Build(ModelCatalog.Find("mobilenet_v2_0.1").Spec(classes: 2)))
            Checkpoint.Save(network, file);
        var folder = Directory.CreateTempSubdirectory("fewshot-mutations-");
        try
        {
            Mutate(folder.FullName, file.ToArray(), mutations: 150, seed: 2022, within: 4096);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    internal static void Mutate(string folder, byte[] whole, int mutations, int seed, int within = int.MaxValue)
    {
        var random = new Random(seed);
        var survived = 0;
        var before = LiveTensors.Settled();
        for (var i = 0; i < mutations; i++)
        {
            var bytes = whole.ToArray();
            for (var change = random.Next(1, 5); change > 0; change--)
            {
                var at = random.Next(Math.Min(bytes.Length, within));
                switch (random.Next(4))
                {
                    case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                    case 1: bytes[at] = (byte)random.Next(256); break;
                    case 2: bytes[at] = random.Next(2) == 0 ? (byte)0xff : (byte)0; break;
                    default: // a stretch moved elsewhere: lengths and offsets that no longer belong together
                        var length = Math.Min(random.Next(1, 16), bytes.Length - at);
                        whole.AsSpan(random.Next(whole.Length - length + 1), length).CopyTo(bytes.AsSpan(at));
                        break;
                }
            }

            try
            {
                ReadAndDispose(folder, bytes);
                survived++;
            }
            catch (CheckpointException e)
            {
                Assert.True(e.Message.Length is > 10 and < 2_000, e.Message);
                Assert.DoesNotContain(e.Message, char.IsControl);
            }
        }

        Assert.InRange(survived, 1, mutations - 1);
        Assert.Equal(before, LiveTensors.Count);
    }

    internal static void ReadAndDispose(string folder, ReadOnlySpan<byte> bytes)
    {
        var path = Path.Combine(folder, "mutated");
        File.WriteAllBytes(path, bytes);
        foreach (var tensor in Checkpoint.ReadTensors(path).Values)
            tensor.Dispose();
    }
}
