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
