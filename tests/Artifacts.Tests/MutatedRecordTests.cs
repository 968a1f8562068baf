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

    /// <summary>A damaged entry is none: the step is free to be done again.</summary>
    [Fact]
    public async Task FileStepLedger_Mutated_KnowsNothingOrSomethingWellFormed()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var ledger = new FileStepLedger(folder.Path);
        var key = StepKey.Of("method", 1, []);
        var held = await ledger.TryAcquireAsync(key, "me");
        await ledger.SetCheckpointAsync(held!, Some);
        var lease = File.ReadAllBytes(folder[key.Hex + ".lease"]);
        var entry = File.ReadAllBytes(folder[key.Hex + ".checkpoint"]);
        await held!.DisposeAsync();
        var taken = Mutation.All([lease, entry], Mutants, seed: 32, bytes =>
        {
            foreach (var part in new[] { ".lease", ".result", ".checkpoint" })
                File.WriteAllBytes(folder[key.Hex + part], bytes);
            var result = ledger.FindResultAsync(key).Result;
            _ = ledger.FindCheckpointAsync(key).Result;
            var next = ledger.TryAcquireAsync(key, "you").Result;
            Assert.True(result is null || next is null);
            next?.DisposeAsync().AsTask().Wait();
            return result is not null;
        });
        Assert.InRange(taken, 0, Mutants / 10);
    }

    [Fact]
    public async Task FileArtifactNames_Mutated_ListsOnlyDigests()
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
            return names.ListAsync("jobs/").ToBlockingEnumerable().Count() switch
            {
                1 => false,
                2 => true,
                var other => throw new InvalidOperationException($"{other} names"),
            };
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
