using System.Security.Cryptography;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Cli.Grpc;

/// <summary>Artifacts to and from a gateway, in checked chunks.</summary>
internal sealed class ArtifactTransfer(ChannelBase channel, GatewayRetry retry)
{
    private const int ChunkBytes = 1 << 20;
    private static readonly TimeSpan TransferTimeout = TimeSpan.FromHours(2);
    private readonly ArtifactService.ArtifactServiceClient client = new(channel);

    public async Task<bool> ExistsAsync(string digest, CancellationToken ct) => (await retry.AskAsync(token => StatAsync(digest, token), ct)).Exists;

    /// <summary>Uploads a file unless its content is there already.</summary>
    /// <returns>The digest of the content.</returns>
    public async Task<string> UploadAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, ChunkBytes, useAsync: true);
        var digest = await Digest.OfAsync(file, ct);
        return await retry.AskAsync(
            async token =>
            {
                // An upload that was cut off may have come to its end all the same.
                if ((await StatAsync(digest.ToString(), token)).Exists) return digest.ToString();
                file.Position = 0;
                return await UploadAsync(file, digest, token);
            },
            ct);
    }

    /// <summary>Writes an artifact's content to <paramref name="destination"/>, in the place of what it holds, and verifies it.</summary>
    /// <exception cref="CommandException">What came does not match the digest.</exception>
    public Task DownloadAsync(string digest, Stream destination, CancellationToken ct) => retry.AskAsync(
        async token =>
        {
            destination.SetLength(0);
            using var call = client.DownloadArtifact(
                new DownloadArtifactRequest { Digest = digest }, deadline: DateTime.UtcNow + TransferTimeout, cancellationToken: token);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            while (await call.ResponseStream.MoveNext(token))
            {
                var chunk = call.ResponseStream.Current.Chunk.Memory;
                hash.AppendData(chunk.Span);
                await destination.WriteAsync(chunk, token);
            }

            return digest == "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset())
                ? true
                : throw CommandException.BadInput($"artifact {digest} arrived damaged; run the command again");
        },
        ct);

    public async Task<byte[]> ReadAsync(string digest, CancellationToken ct)
    {
        using var buffer = new MemoryStream();
        await DownloadAsync(digest, buffer, ct);
        return buffer.ToArray();
    }

    private async Task<string> UploadAsync(FileStream file, Digest digest, CancellationToken ct)
    {
        using var call = client.UploadArtifact(deadline: DateTime.UtcNow + TransferTimeout, cancellationToken: ct);
        try
        {
            await call.RequestStream.WriteAsync(
                new UploadArtifactRequest { Header = new UploadHeader { Digest = digest.ToString(), SizeBytes = file.Length } }, ct);
            var buffer = new byte[ChunkBytes];
            int read;
            while ((read = await file.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, ct)) > 0)
                await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(buffer, 0, read) }, ct);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or RpcException)
        {
            // The server ended the call while we were writing; the response below says why.
        }

        return (await call.ResponseAsync).Digest;
    }

    private async Task<StatArtifactResponse> StatAsync(string digest, CancellationToken ct) => await client.StatArtifactAsync(
        new StatArtifactRequest { Digest = digest }, deadline: DateTime.UtcNow.AddSeconds(60), cancellationToken: ct);
}
