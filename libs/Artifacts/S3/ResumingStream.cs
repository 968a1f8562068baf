using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Fewshot.Artifacts.S3;

/// <summary>Reads an object in order. Where the connection breaks or falls silent the rest is asked for anew.</summary>
internal sealed class ResumingStream : RemoteStream
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(20);
    private readonly S3Bucket bucket;
    private readonly Digest digest;
    private GetObjectResponse? body;

    private ResumingStream(S3Bucket bucket, Digest digest) => (this.bucket, this.digest) = (bucket, digest);

    public override long Length => ContentLength;

    private long ContentLength { get; set; }

    /// <exception cref="ArtifactNotFoundException">There is no such object.</exception>
    public static async Task<ResumingStream> OpenAsync(S3Bucket bucket, Digest digest, CancellationToken ct)
    {
        var stream = new ResumingStream(bucket, digest);
        stream.ContentLength = (await bucket.RunAsync(stream.RequestAsync, ct)).ContentLength;
        return stream;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Offset == ContentLength || buffer.IsEmpty)
            return 0;
        var count = await bucket.RunAsync((client, ct) => ReadOnceAsync(client, buffer, ct), cancellationToken);
        Offset += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Drop();
        base.Dispose(disposing);
    }

    private async Task<int> ReadOnceAsync(IAmazonS3 client, Memory<byte> buffer, CancellationToken ct)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(ct);
        silence.CancelAfter(Silence);
        try
        {
            body ??= await RequestAsync(client, silence.Token);
            return await body.ResponseStream.ReadAsync(buffer, silence.Token) is > 0 and var count
                ? count
                : throw new EndOfStreamException("The object ended before its length.");
        }
        catch
        {
            Drop();
            throw;
        }
    }

    private void Drop()
    {
        try
        {
            body?.Dispose();
        }
        catch (AmazonClientException)
        {
            // The SDK compares the bytes with the server's hash when it is done with them. The digest says whether they are damaged, and this would hide it.
        }

        body = null;
    }

    private async Task<GetObjectResponse> RequestAsync(IAmazonS3 client, CancellationToken ct)
    {
        try
        {
            var request = new GetObjectRequest { BucketName = bucket.Location.Bucket, Key = bucket.KeyOf(digest) };
            if (Offset > 0)
                request.ByteRange = new ByteRange(Offset, ContentLength - 1);
            return body = await client.GetObjectAsync(request, ct);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
        {
            throw new ArtifactNotFoundException(digest);
        }
    }
}
