using System.Collections.Concurrent;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;

namespace Fewshot.Artifacts.S3;

/// <summary>
/// One object sent in parts, a few at a time, from a stream that is read once. In memory are at most <see cref="PartsAtOnce"/> + 1 parts, and
/// only one while the stream is slower than the server: then no other upload waits for it. The object comes into being with the last request,
/// which is not sent unless the bytes have the digest they should have.
/// </summary>
/// <param name="bucket">Where it goes.</param>
/// <param name="digest">What its bytes should have.</param>
/// <param name="together">A place for each part that all uploads of the store are sending.</param>
internal sealed class S3MultipartUpload(S3Bucket bucket, Digest digest, SemaphoreSlim together)
{
    /// <summary>The least that S3 allows, for the sake of memory; 10,000 parts make 48 GiB.</summary>
    public const int PartBytes = 5 << 20;

    private const int PartsAtOnce = 3;
    private readonly ConcurrentDictionary<int, string> tags = new();
    private readonly string key = bucket.KeyOf(digest);

    /// <param name="first">What has been read already: a whole part.</param>
    /// <param name="rest">What follows.</param>
    /// <param name="ct">Stops the upload.</param>
    /// <exception cref="DigestMismatchException">The bytes hash to something else.</exception>
    public async Task<ArtifactInfo> RunAsync(byte[] first, Stream rest, CancellationToken ct)
    {
        var id = (await bucket.RunAsync(
            (client, stop) => client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = bucket.Location.Bucket, Key = key }, stop), ct)).UploadId;
        try
        {
            var (actual, size) = await SendAsync(id, first, rest, ct);
            if (actual != digest)
                throw new DigestMismatchException(digest, actual);
            await CompleteAsync(id, size, ct);
            return new ArtifactInfo(digest, size);
        }
        catch
        {
            await AbortAsync(id);
            throw;
        }
    }

    private async Task<(Digest Digest, long Size)> SendAsync(string id, byte[] first, Stream rest, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var places = new SemaphoreSlim(PartsAtOnce);
        var free = new ConcurrentBag<byte[]>();
        var sending = new List<Task>();
        var (buffer, count, size) = (first, PartBytes, 0L);
        try
        {
            for (var number = 1; count > 0; number++)
            {
                var part = buffer;
                hash.AppendData(part, 0, count);
                size += count;
                await places.WaitAsync(failed.Token);
                await together.WaitAsync(failed.Token);
                sending.Add(SendPartAsync(id, number, part, count, failed, () =>
                {
                    free.Add(part);
                    places.Release();
                    together.Release();
                }));
                if (!free.TryTake(out var next))
                    next = new byte[PartBytes];
                buffer = next;
                count = await rest.ReadAtLeastAsync(buffer, PartBytes, throwOnEndOfStream: false, failed.Token);
            }
        }
        catch (OperationCanceledException) when (failed.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            // A part failed, which says more.
        }
        catch
        {
            await failed.CancelAsync();
            await Task.WhenAll(sending).ContinueWith(_ => { }, TaskScheduler.Default);
            throw;
        }

        await Task.WhenAll(sending);
        return (Digest.FromHash(hash.GetHashAndReset()), size);
    }

    private async Task SendPartAsync(string id, int number, byte[] buffer, int count, CancellationTokenSource failed, Action done)
    {
        try
        {
            var part = await bucket.RunAsync(
                (client, stop) => client.UploadPartAsync(
                    new UploadPartRequest
                    {
                        BucketName = bucket.Location.Bucket, Key = key, UploadId = id, PartNumber = number, PartSize = count,
                        InputStream = new MemoryStream(buffer, 0, count, writable: false), UseChunkEncoding = false,
                    },
                    stop),
                failed.Token);
            tags[number] = part.ETag;
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
        finally
        {
            done();
        }
    }

    private Task<bool> CompleteAsync(string id, long size, CancellationToken ct) => bucket.RunAsync(
        async (client, stop) =>
        {
            try
            {
                await client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest
                    {
                        BucketName = bucket.Location.Bucket, Key = key, UploadId = id, PartETags = [.. tags.OrderBy(tag => tag.Key).Select(tag => new PartETag(tag.Key, tag.Value))],
                    },
                    stop);
                return true;
            }
            catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchUpload")
            {
                // The answer to an earlier request of this kind was lost, or another put of the same bytes was faster.
                var found = await client.GetObjectMetadataAsync(bucket.Location.Bucket, key, stop);
                return found.ContentLength == size ? true : throw new StoreUnavailableException("The upload was ended by the store; it may be repeated.", e);
            }
        },
        ct);

    private async Task AbortAsync(string id)
    {
        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await bucket.RunAsync((client, stop) => client.AbortMultipartUploadAsync(bucket.Location.Bucket, key, id, stop), deadline.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or AmazonS3Exception or OperationCanceledException)
        {
            // Its parts are removed with the other stale uploads.
        }
    }
}
