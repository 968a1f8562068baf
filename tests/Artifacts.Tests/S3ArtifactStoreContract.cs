using Amazon.S3;
using Amazon.S3.Model;
using Fewshot.Artifacts.S3;

namespace Fewshot.Artifacts.Tests;

public sealed class S3ArtifactStoreContract(S3rverProcess server) : ArtifactStoreContract, IClassFixture<S3rverProcess>, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<IDisposable> opened = [];

    public void Dispose()
    {
        opened.ForEach(one => one.Dispose());
        folder.Dispose();
    }

    [Fact]
    public async Task ListAsync_MoreThanThreePages_GivesEachOnce()
    {
        var store = Open();
        var first = (await store.PutBytesAsync("the first of many"u8.ToArray(), default)).Hex;
        var file = Directory.EnumerateFiles(server.Folder, $"{first}._S3rver_object", SearchOption.AllDirectories).Single();
        string[] others = [.. Enumerable.Range(0, 3100).Select(i => $"{i:x64}")];
        try
        {
            // As the server keeps them: as many uploads would take long.
            foreach (var other in others)
                File.Copy(file, file.Replace(first, other, StringComparison.Ordinal));
            var listed = new List<string>();
            await foreach (var one in ((IArtifactRemoval)store).ListAsync())
                listed.Add(one.Digest.Hex);
            Assert.Equal(others.Append(first).Order(), listed.Where(one => one == first || one.StartsWith("0000", StringComparison.Ordinal)).Order());
        }
        finally
        {
            foreach (var other in others)
                File.Delete(file.Replace(first, other, StringComparison.Ordinal));
        }
    }

    // S3's are. s3rver empties an object's file before it writes it again, so that a reader can see zeros between two writers.
    protected override bool PutsAreAtomic => false;

    protected override IArtifactStore Open()
    {
        var copies = new LocalCopies(folder[$"{opened.Count}"], 1 << 30);
        var store = new S3ArtifactStore(server.Location, copies);
        opened.AddRange([store, copies]);
        return store;
    }

    protected override async Task DamageAsync(Digest digest, byte[] content)
    {
        using var client = new AmazonS3Client(new AmazonS3Config { ServiceURL = server.Location.Endpoint!.ToString(), ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
        await client.PutObjectAsync(new PutObjectRequest
        {
            BucketName = server.Location.Bucket, Key = server.Location.Prefix + "artifacts/" + digest.Hex, InputStream = new MemoryStream(content), UseChunkEncoding = false,
        });
    }
}
