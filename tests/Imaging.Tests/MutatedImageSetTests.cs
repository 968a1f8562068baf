using Fewshot.Mutations;

namespace Fewshot.Imaging.Tests;

/// <summary>10,000 mutants of an image set's file.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedImageSetTests
{
    [Fact]
    public void Read_Mutated_IsASetOrRefused()
    {
        using var file = new MemoryStream();
        ImageSetFile.Write(file, new ImageSet([.. Enumerable.Range(0, 3).Select(i => new ImageSetEntry($"{i}.png", PngEncoder.Encode(new Image(4, 4, 3, new byte[48])), i % 2))], 2));
        var taken = Mutation.All([file.ToArray()], 10_000, seed: 61, bytes =>
        {
            try
            {
                var set = ImageSetFile.Read(new MemoryStream(bytes, writable: false));
                Assert.All(set.Entries, entry => Assert.True(entry.Name is not null && entry.Encoded.Length <= bytes.Length && entry.Label is null or >= 0));
                return true;
            }
            catch (ImageSetException e)
            {
                Assert.DoesNotContain(e.Message, char.IsControl);
                return false;
            }
        });
        Assert.InRange(taken, 1, 9_900);
    }
}
