using System.Security.Cryptography;

namespace Fewshot.Artifacts.Tests;

public sealed class LocalCopiesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task GetAsync_Repeated_OpensTheOriginalOnceAndAgainWhenTheCopyIsDamaged()
    {
        using var copies = new LocalCopies(folder.Path, 1000);
        var (content, opened) = (RandomNumberGenerator.GetBytes(500), 0);
        Task<string> Get() => copies.GetAsync(Digest.Of(content), _ =>
        {
            opened++;
            return Task.FromResult<Stream>(new MemoryStream(content));
        }, CancellationToken.None);
        var path = await Get();
        Assert.Equal((path, 1), (await Get(), opened));
        await File.WriteAllTextAsync(path, "damaged");
        Assert.Equal((path, 2), (await Get(), opened));
        Assert.Equal(content, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task GetAsync_BeyondTheBound_RemovesWhatWasAskedForLongestAgo()
    {
        using var copies = new LocalCopies(folder.Path, 1000);
        var paths = new List<string>();
        for (byte i = 0; i < 4; i++)
        {
            paths.Add(await CopyAsync(copies, i));
            // The first two were asked for long ago, the second of them later.
            File.SetLastWriteTimeUtc(paths[i], DateTime.UtcNow.AddMinutes(i < 2 ? i - 30 : 0));
        }

        Assert.Equal([false, true, true, true], paths.Select(File.Exists));
        await CopyAsync(copies, 4);
        await CopyAsync(copies, 5);
        Assert.Equal([false, false, true, true], paths.Select(File.Exists));
    }

    private static Task<string> CopyAsync(LocalCopies copies, byte seed)
    {
        var content = Enumerable.Repeat(seed, 300).ToArray();
        return copies.GetAsync(Digest.Of(content), _ => Task.FromResult<Stream>(new MemoryStream(content)), CancellationToken.None);
    }
}
