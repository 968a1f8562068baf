using System.Text;
using Fewshot.Artifacts.Safetensors;
using Fewshot.Mutations;

namespace Fewshot.Artifacts.Tests;

/// <summary>10,000 mutants of each of the small things that are read back: ids, ledger entries, leases, names.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedRecordTests
{
    private const int Mutants = 10_000;
    private static readonly Digest Some = Digest.Of("some"u8);

    [Fact]
    public void Ids_Mutated_AreTheirOneFormOrRefused()
    {
        byte[][] good = [Encoding.UTF8.GetBytes(Some.ToString()), Encoding.UTF8.GetBytes(StepKey.Of("method", 1, []).Hex)];
        var taken = Mutation.All(good, Mutants, seed: 31, bytes =>
        {
            var text = Encoding.UTF8.GetString(bytes);
            var digest = Digest.TryParse(text, out var parsed);
            Assert.True(!digest || (parsed.ToString() == text && Path.GetFileName(parsed.Hex) == parsed.Hex && parsed.Hex.Length == 64));
            try
            {
                Assert.Equal(text, StepKey.Parse(text).Hex);
                return true;
            }
            catch (FormatException e)
            {
                Assert.DoesNotContain(e.Message, char.IsControl);
                return digest;
            }
        });
        Assert.InRange(taken, 0, Mutants / 5);
    }

    [Fact]
    public async Task FileArtifactNames_Mutated_AreDigestsOrFree()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var names = new FileArtifactNames(folder.Path);
        await names.SetAsync("jobs/a", Some);
        await names.SetAsync("jobs/b", Some);
        var file = Assert.Single(Directory.GetFiles(folder.Path), path => path.EndsWith(".a", StringComparison.Ordinal));
        var good = File.ReadAllBytes(file);
        Mutation.All([good], Mutants, seed: 33, bytes =>
        {
            File.WriteAllBytes(file, bytes);
            var (found, listed) = (names.FindAsync("jobs/a").Result, names.ListAsync("jobs/").ToBlockingEnumerable().Count());
            Assert.Equal(found is null ? 1 : 2, listed);
            return found is not null;
        });
    }

    [Fact]
    public void SafetensorsReader_Mutated_ReadsWithinTheFileOrRefuses()
    {
        var header = SafetensorsHeader.Create([("weight", "F32", [4, 3]), ("bias", "I64", [2]), ("half", "BF16", [7])], new Dictionary<string, string> { ["a"] = "b" }).ToBytes();
        byte[] good = [.. header, .. new byte[78]];
        var taken = Mutation.All([good], Mutants, seed: 34, bytes =>
        {
            try
            {
                using var stream = new MemoryStream(bytes, writable: false);
                var read = SafetensorsHeader.Read(stream, SafetensorsLimits.Library);
                Assert.All(read.Entries, entry => Assert.InRange(read.BufferOffset + entry.End, 0, bytes.Length));
                return true;
            }
            catch (SafetensorsFormatException e)
            {
                Assert.DoesNotContain(e.Message, char.IsControl);
                return false;
            }
        });
        Assert.InRange(taken, 1, Mutants - 1000);
    }
}
