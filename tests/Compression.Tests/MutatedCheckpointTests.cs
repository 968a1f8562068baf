using Fewshot.Artifacts.Safetensors;
using Fewshot.Mutations;
using static TorchSharp.torch;

namespace Fewshot.Compression.Tests;

/// <summary>10,000 mutants of a training checkpoint.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedCheckpointTests
{
    [Fact]
    public void Read_Mutated_IsACheckpointOrRefused()
    {
        using var file = new MemoryStream();
        using (NewDisposeScope())
            CheckpointFile.Write(file, [("weight", ones(3, 4)), ("velocity", zeros(5))], new Dictionary<string, string> { ["iteration"] = "200" });
        var taken = Mutation.All([file.ToArray()], 10_000, seed: 71, bytes =>
        {
            using var scope = NewDisposeScope();
            try
            {
                var (tensors, _) = CheckpointFile.Read(new MemoryStream(bytes, writable: false));
                Assert.All(tensors.Values, tensor => Assert.True(4 * tensor.numel() <= bytes.Length));
                return true;
            }
            catch (SafetensorsFormatException)
            {
                return false;
            }
        });
        Assert.InRange(taken, 1, 9_900);
    }
}
