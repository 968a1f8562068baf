using System.Net;
using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace Fewshot.Artifacts.S3;

/// <summary>
/// Artifacts as objects named by their digest, so that a repeated put is harmless. Large ones go up in parts and never whole into memory; one whose
/// digest is not known beforehand passes through a local file, which then serves as the local copy.
/// </summary>
public sealed class S3ArtifactStore : IArtifactStore, IArtifactRemoval, IDisposable
{
    private const int PartsAtOnce = 12;
    private readonly S3Bucket bucket;
    private readonly LocalCopies copies;
    private readonly SemaphoreSlim parts = new(PartsAtOnce);

    /// <summary>Opens a bucket; nothing is asked of it yet.</summary>
    /// <param name="location">Bucket and server.</param>
    /// <param name="copies">Where local copies are kept.</param>
    /// <param name="patience">How long a request is repeated before it fails; 60 s when null.</param>
    public S3ArtifactStore(S3Location location, LocalCopies copies, TimeSpan? patience = null)
    {
        bucket = new S3Bucket(location, patience);
        this.copies = copies;
    }

    /// <inheritdoc/>
    public async Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default)
    {
        var start = await ReadPartAsync(content, ct);
        if (start.Count < S3MultipartUpload.PartBytes)
            return await PutWholeAsync(start, expected, ct);
        if (expected is { } digest)
            return await new S3MultipartUpload(bucket, digest, parts).RunAsync(start.Array!, content, ct);
        return await copies.SpoolAsync(start, content, async (known, file) =>
        {
            await file.ReadExactlyAsync(start, ct);
            return await new S3MultipartUpload(bucket, known, parts).RunAsync(start.Array!, file, ct);
        }, ct);
    }

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Digest digest, CancellationToken ct = default) =>
        new VerifyingStream(await ResumingStream.OpenAsync(bucket, digest, ct), digest);

    /// <inheritdoc/>
    public async Task<ArtifactInfo?> StatAsync(Digest digest, CancellationToken ct = default)
    {
        try
        {
            var found = await bucket.RunAsync((client, stop) => client.GetObjectMetadataAsync(bucket.Location.Bucket, bucket.KeyOf(digest), stop), ct);
            return new ArtifactInfo(digest, found.ContentLength);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public Task<string> MaterializeAsync(Digest digest, CancellationToken ct = default) => copies.GetAsync(digest, stop => OpenAsync(digest, stop), ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredArtifact> ListAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        var request = new ListObjectsV2Request { BucketName = bucket.Location.Bucket, Prefix = bucket.ArtifactPrefix };
        while (true)
        {
            var page = await bucket.RunAsync((client, stop) => client.ListObjectsV2Async(request, stop), ct);
            foreach (var one in page.S3Objects ?? [])
            {
                if (Digest.OfHex(one.Key[bucket.ArtifactPrefix.Length..]) is { } digest && one.LastModified is { } put)
                    yield return new StoredArtifact(digest, new DateTimeOffset(put.ToUniversalTime()));
            }

            if (page.IsTruncated != true)
                yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <inheritdoc/>
    public Task RemoveAsync(Digest digest, CancellationToken ct = default) =>
        bucket.RunAsync((client, stop) => client.DeleteObjectAsync(bucket.Location.Bucket, bucket.KeyOf(digest), stop), ct);

    /// <inheritdoc/>
    public async Task RemoveUnfinishedAsync(TimeSpan age, CancellationToken ct = default)
    {
        try
        {
            await AbortStaleUploadsAsync(age, ct);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotImplemented || e.ErrorCode == "NoSuchUpload")
        {
            // A server that does not list uploads keeps its own house; and one that ended just now needs no abort, the rest is for next time.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bucket.Dispose();
        parts.Dispose();
    }

    private async Task AbortStaleUploadsAsync(TimeSpan age, CancellationToken ct)
    {
        var request = new ListMultipartUploadsRequest { BucketName = bucket.Location.Bucket, Prefix = bucket.ArtifactPrefix };
        while (true)
        {
            var page = await bucket.RunAsync((client, stop) => client.ListMultipartUploadsAsync(request, stop), ct);
            foreach (var upload in (page.MultipartUploads ?? []).Where(upload => upload.Initiated is { } begun && DateTime.UtcNow - begun.ToUniversalTime() >= age))
                await bucket.RunAsync((client, stop) => client.AbortMultipartUploadAsync(bucket.Location.Bucket, upload.Key, upload.UploadId, stop), ct);
            if (page.IsTruncated != true)
                return;
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
    }

    private async Task<ArtifactInfo> PutWholeAsync(ArraySegment<byte> content, Digest? expected, CancellationToken ct)
    {
        var digest = Digest.Of(content);
        if (expected is { } wanted && wanted != digest)
            throw new DigestMismatchException(wanted, digest);
        try
        {
            await bucket.RunAsync(
                (client, stop) => client.PutObjectAsync(
                    new PutObjectRequest
                    {
                        BucketName = bucket.Location.Bucket, Key = bucket.KeyOf(digest), UseChunkEncoding = false,
                        InputStream = new MemoryStream(content.Array!, content.Offset, content.Count, writable: false),
                    },
                    stop),
                ct);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
        {
            // A bucket whose objects cannot be overwritten has these bytes already.
            if ((await StatAsync(digest, ct))?.SizeBytes != content.Count)
                throw new StoreUnavailableException($"The artifact store {bucket.Location} refuses to store artifact {digest}.", e) { Kind = S3Bucket.Kind };
        }

        return new ArtifactInfo(digest, content.Count);
    }

    /// <summary>Up to a part, in a buffer that grows with what there is.</summary>
    private static async Task<ArraySegment<byte>> ReadPartAsync(Stream content, CancellationToken ct)
    {
        var (buffer, count) = (new byte[16 << 10], 0);
        while (true)
        {
            count += await content.ReadAtLeastAsync(buffer.AsMemory(count), buffer.Length - count, throwOnEndOfStream: false, ct);
            if (count < buffer.Length || count == S3MultipartUpload.PartBytes)
                return new ArraySegment<byte>(buffer, 0, count);
            Array.Resize(ref buffer, Math.Min(buffer.Length * 8, S3MultipartUpload.PartBytes));
        }
    }
}
