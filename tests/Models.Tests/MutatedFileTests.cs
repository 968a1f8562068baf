using Fewshot.Mutations;
using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>10,000 mutants of a small file that is read whole, tensors and all.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedFileTests
{
    [Fact]
    public void ReadTensors_MutatedSmallSafetensors_TensorsOrCheckpointException()
    {
        const string header = """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}}""";
        byte[] good = [.. BitConverter.GetBytes((ulong)header.Length), .. System.Text.Encoding.UTF8.GetBytes(header), .. new byte[40]];
        var folder = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"fewshot-mutants-{Guid.NewGuid():n}"));
        var before = LiveTensors.Settled();
        try
        {
            var taken = Mutation.All([good], 10_000, seed: 51, bytes =>
            {
                try
                {
                    MutationTests.ReadAndDispose(folder.FullName, bytes);
                    return true;
                }
                catch (CheckpointException e)
                {
                    Assert.True(e.Message.Length is > 10 and < 2_000 && !e.Message.Any(char.IsControl), e.Message);
                    return false;
                }
            });
            Assert.InRange(taken, 1, 9_000);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        Assert.Equal(before, LiveTensors.Count);
    }
}
