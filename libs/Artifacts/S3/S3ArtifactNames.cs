using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Fewshot.Artifacts.S3;

/// <summary>
/// Names as small objects beside the artifacts. Where the server knows no conditional requests, of several that give the same name at the
/// same moment the last may win.
/// </summary>
public sealed class S3ArtifactNames(S3Location location, TimeSpan? patience = null) : IArtifactNames, IDisposable
{
    private const int ReadsAtOnce = 16, Attempts = 10;
    private readonly S3Bucket bucket = new(location, patience);

    private string Folder => bucket.Location.Prefix + "names/";

    /// <inheritdoc/>
    public async Task<Digest?> FindAsync(string name, CancellationToken ct = default) => (await ReadAsync(Folder + name, ct)).Digest;

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => PutAsync(name, digest, _ => { }, ct);

    /// <inheritdoc/>
    public async Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default)
    {
        Exception? refusal = null;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // Looked at first: not every server heeds the condition.
            var found = await ReadAsync(Folder + name, ct);
            if (found.Digest is { } winner)
                return winner;
            try
            {
                // A damaged object is replaced, and a missing one made, as long as it is what was found.
                void AsFound(PutObjectRequest request) =>
                    (request.IfNoneMatch, request.IfMatch) = (found.ETag is null ? "*" : null, found.ETag);
                await PutAsync(name, digest, AsFound, ct);
                return digest;
            }
            catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)
            {
                // Another was faster, or this request was, and its answer was lost: either way what is there now counts.
                refusal = e;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotImplemented)
            {
                await SetAsync(name, digest, ct);
                return digest;
            }
        }

        var message = $"The artifact store {bucket.Location} refuses to store the name {name}.";
        throw new StoreUnavailableException(message, refusal) { Kind = S3Bucket.Kind };
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default) =>
        bucket.RunAsync((client, stop) => client.DeleteObjectAsync(bucket.Location.Bucket, Folder + name, stop), ct);

    /// <inheritdoc/>
    /// <remarks>Few servers delete on a condition, so another may get the name between the look and the removal, and lose it.</remarks>
    public async Task RemoveAsync(string name, Digest digest, CancellationToken ct = default)
    {
        if (await FindAsync(name, ct) == digest)
            await RemoveAsync(name, ct);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var request = new ListObjectsV2Request { BucketName = bucket.Location.Bucket, Prefix = Folder + prefix };
        while (true)
        {
            var page = await bucket.RunAsync((client, stop) => client.ListObjectsV2Async(request, stop), ct);
            foreach (var some in (page.S3Objects ?? []).Chunk(ReadsAtOnce))
            {
                var read = await Task.WhenAll(some.Select(named => ReadAsync(named.Key, ct)));
                foreach (var (named, found) in some.Zip(read))
                {
                    if (found.Digest is { } digest)
                        yield return (named.Key[Folder.Length..], digest);
                }
            }

            if (page.IsTruncated != true)
                yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => bucket.Dispose();

    private Task PutAsync(string name, Digest digest, Action<PutObjectRequest> condition, CancellationToken ct) => bucket.RunAsync(
        (client, stop) =>
        {
            var request = new PutObjectRequest
            {
                BucketName = bucket.Location.Bucket, Key = Folder + name, UseChunkEncoding = false,
                InputStream = new MemoryStream(Encoding.ASCII.GetBytes(digest.ToString()), writable: false),
            };
            condition(request);
            return client.PutObjectAsync(request, stop);
        },
        ct);

    /// <summary>What an object holds, and the version it has where there is one. No digest: it is not there, or damaged.</summary>
    private Task<(Digest? Digest, string? ETag)> ReadAsync(string key, CancellationToken ct) => bucket.RunAsync<(Digest?, string?)>(
        async (client, stop) =>
        {
            string? version = null;
            try
            {
                using var found = await client.GetObjectAsync(bucket.Location.Bucket, key, stop);
                version = found.ETag;
                using var reader = new StreamReader(found.ResponseStream);
                return (Digest.TryParse(await reader.ReadToEndAsync(stop), out var digest) ? digest : null, version);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
            {
                return (null, null);
            }
            catch (AmazonClientException e) when (e.InnerException is null)
            {
                // The bytes are not those that the server's hash is of: no name any more, and the others must still be found.
                return (null, version);
            }
        },
        ct);
}
