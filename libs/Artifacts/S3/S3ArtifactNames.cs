using System.Runtime.CompilerServices;
using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Fewshot.Artifacts.S3;

/// <summary>Names as small objects beside the artifacts.</summary>
public sealed class S3ArtifactNames(S3Location location, TimeSpan? patience = null) : IArtifactNames, IDisposable
{
    private readonly S3Bucket bucket = new(location, patience);

    private string Folder => bucket.Location.Prefix + "names/";

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => bucket.RunAsync(
        (client, stop) => client.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = bucket.Location.Bucket, Key = Folder + name, UseChunkEncoding = false,
                InputStream = new MemoryStream(Encoding.ASCII.GetBytes(digest.ToString()), writable: false),
            },
            stop),
        ct);

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default) =>
        bucket.RunAsync((client, stop) => client.DeleteObjectAsync(bucket.Location.Bucket, Folder + name, stop), ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var request = new ListObjectsV2Request { BucketName = bucket.Location.Bucket, Prefix = Folder + prefix };
        while (true)
        {
            var page = await bucket.RunAsync((client, stop) => client.ListObjectsV2Async(request, stop), ct);
            foreach (var named in page.S3Objects ?? [])
            {
                if (Digest.TryParse(await bucket.RunAsync((client, stop) => ReadAsync(client, named.Key, stop), ct), out var digest))
                    yield return (named.Key[Folder.Length..], digest);
            }

            if (page.IsTruncated != true)
                yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => bucket.Dispose();

    private async Task<string> ReadAsync(IAmazonS3 client, string key, CancellationToken ct)
    {
        try
        {
            using var found = await client.GetObjectAsync(bucket.Location.Bucket, key, ct);
            using var reader = new StreamReader(found.ResponseStream);
            return await reader.ReadToEndAsync(ct);
        }
        catch (AmazonClientException e) when (e.InnerException is null)
        {
            // The bytes are not those that the server's hash is of: no name any more, and the others must still be found.
            return "";
        }
    }
}
