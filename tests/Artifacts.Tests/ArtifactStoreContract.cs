using System.Security.Cryptography;

namespace Fewshot.Artifacts.Tests;

/// <summary>What every artifact store must do, whatever it is kept in.</summary>
public abstract class ArtifactStoreContract
{
    /// <summary>One byte, a few chunks, and several parts of a multipart upload.</summary>
    public static TheoryData<int> Sizes => [0, 1, 1_000_003, 5 << 20, 12_000_003];

    /// <summary>The store as another process would open it.</summary>
    protected abstract IArtifactStore Open();

    /// <summary>Puts other bytes in the place of an artifact's.</summary>
    protected abstract Task DamageAsync(Digest digest, byte[] content);

    /// <summary>Whether an artifact can be read while it is put again.</summary>
    protected virtual bool PutsAreAtomic => true;

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task PutAsync_DigestUnknown_GivesTheSameBytesToEveryone(int size)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        var info = await Open().PutAsync(new MemoryStream(content));
        Assert.Equal(new ArtifactInfo(Digest.Of(content), size), info);
        await HasAsync(Open(), content);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task PutAsync_DigestAnnounced_GivesTheSameBytesToEveryone(int size)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        Assert.Equal(new ArtifactInfo(Digest.Of(content), size), await Open().PutAsync(new TrickleStream(content), Digest.Of(content)));
        await HasAsync(Open(), content);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9_000_000)]
    public async Task PutAsync_OtherBytesThanAnnounced_StoresNothing(int size)
    {
        var (store, content, announced) = (Open(), RandomNumberGenerator.GetBytes(size), Digest.Of(RandomNumberGenerator.GetBytes(9)));
        var error = await Assert.ThrowsAsync<DigestMismatchException>(() => store.PutAsync(new MemoryStream(content), announced));
        Assert.Equal((announced, Digest.Of(content)), (error.Expected, error.Actual));
        Assert.Null(await store.StatAsync(announced));
        Assert.Null(await store.StatAsync(error.Actual));
    }

    [Theory]
    [InlineData(300_000, true)]
    [InlineData(9_000_000, true)]
    [InlineData(9_000_000, false)]
    public async Task PutAsync_SourceFailsHalfway_StoresNothing(int good, bool announced)
    {
        var (store, content) = (Open(), RandomNumberGenerator.GetBytes(good));
        await Assert.ThrowsAsync<EndOfStreamException>(() => store.PutAsync(new BrokenStream(content), announced ? Digest.Of(content) : null));
        Assert.Null(await store.StatAsync(Digest.Of(content)));
    }

    [Fact]
    public async Task PutAsync_SameContentFromMany_EachSucceeds()
    {
        var content = RandomNumberGenerator.GetBytes(600_000);
        IArtifactStore[] stores = [Open(), Open()];
        var puts = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(async () =>
        {
            var info = await stores[i % 2].PutAsync(new MemoryStream(content));
            if (PutsAreAtomic)
                Assert.Equal(content, await stores[0].ReadBytesAsync(info.Digest));
            return info;
        })));
        Assert.Equal(content, await stores[0].ReadBytesAsync(Assert.Single(puts.Distinct()).Digest));
    }

    [Theory]
    [InlineData(5000)]
    [InlineData(9_000_000)]
    public async Task OpenAsync_DamagedBytes_LastReadThrowsDataLossUntilTheyArePutAgain(int size)
    {
        var (store, content) = (Open(), RandomNumberGenerator.GetBytes(size));
        var digest = await store.PutBytesAsync(content);
        await DamageAsync(digest, [.. content[..^1], (byte)~content[^1]]);
        await Assert.ThrowsAsync<DataLossException>(() => Open().ReadBytesAsync(digest));
        await Assert.ThrowsAsync<DataLossException>(() => Open().MaterializeAsync(digest));
        await DamageAsync(digest, content[..^2]);
        await Assert.ThrowsAsync<DataLossException>(() => Open().ReadBytesAsync(digest));
        await store.PutBytesAsync(content);
        await HasAsync(Open(), content);
    }

    [Fact]
    public async Task OpenAsync_UnknownDigest_ThrowsNotFound()
    {
        var (store, digest) = (Open(), Digest.Of("nowhere"u8));
        Assert.Equal(digest, (await Assert.ThrowsAsync<ArtifactNotFoundException>(() => store.OpenAsync(digest))).Digest);
        await Assert.ThrowsAsync<ArtifactNotFoundException>(() => store.ReadBytesAsync(digest));
        await Assert.ThrowsAsync<ArtifactNotFoundException>(() => store.MaterializeAsync(digest));
        Assert.Null(await store.StatAsync(digest));
    }

    [Fact]
    public async Task ReadBytesAsync_LargerThanAllowed_ThrowsBeforeReading()
    {
        var store = Open();
        var digest = await store.PutBytesAsync(new byte[101]);
        await Assert.ThrowsAsync<InvalidDataException>(() => store.ReadBytesAsync(digest, maxBytes: 100));
    }

    [Fact]
    public async Task RemoveAsync_ListedArtifact_IsGoneForEveryoneUntilItIsPutAgain()
    {
        var (store, content) = (Open(), RandomNumberGenerator.GetBytes(600_000));
        var (kept, removed) = (await store.PutBytesAsync(RandomNumberGenerator.GetBytes(10)), await store.PutBytesAsync(content));
        var listed = await ListAsync(store);
        Assert.InRange(listed[removed], DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        await ((IArtifactRemoval)store).RemoveAsync(removed);
        await ((IArtifactRemoval)store).RemoveAsync(removed);
        Assert.Null(await Open().StatAsync(removed));
        listed = await ListAsync(Open());
        Assert.True(listed.ContainsKey(kept) && !listed.ContainsKey(removed));
        await store.PutBytesAsync(content);
        await ((IArtifactRemoval)store).RemoveUnfinishedAsync(TimeSpan.Zero);
        await HasAsync(Open(), content);
    }

    [Fact]
    public async Task OpenAsync_ReadSynchronously_GivesTheSameBytes()
    {
        var (store, content) = (Open(), RandomNumberGenerator.GetBytes(600_000));
        var digest = await store.PutBytesAsync(content);
        await using var stream = await store.OpenAsync(digest);
        using var read = new MemoryStream();
        await Task.Run(() => stream.CopyTo(read));
        Assert.Equal(content, read.ToArray());
    }

    private static async Task<Dictionary<Digest, DateTimeOffset>> ListAsync(IArtifactStore store)
    {
        var found = new Dictionary<Digest, DateTimeOffset>();
        await foreach (var artifact in ((IArtifactRemoval)store).ListAsync())
            found.Add(artifact.Digest, artifact.LastPut);
        return found;
    }

    private static async Task HasAsync(IArtifactStore store, byte[] content)
    {
        var digest = Digest.Of(content);
        Assert.Equal(new ArtifactInfo(digest, content.Length), await store.StatAsync(digest));
        Assert.Equal(content, await store.ReadBytesAsync(digest));
        Assert.Equal(content, await File.ReadAllBytesAsync(await store.MaterializeAsync(digest)));
    }

    /// <summary>Gives what a network gives: odd pieces.</summary>
    private sealed class TrickleStream(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 100_003)], cancellationToken);
    }

    private sealed class BrokenStream(byte[] good) : MemoryStream(good)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is > 0 and var count ? count : throw new EndOfStreamException("The connection broke.");
    }
}
