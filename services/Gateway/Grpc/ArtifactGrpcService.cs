using System.Buffers;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>The artifact store, in chunks.</summary>
internal sealed class ArtifactGrpcService(IArtifactStore artifacts, GatewayOptions options) : ArtifactService.ArtifactServiceBase
{
    private const int ChunkBytes = 512 << 10;

    public override async Task<UploadArtifactResponse> UploadArtifact(IAsyncStreamReader<UploadArtifactRequest> requestStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        if (!await requestStream.MoveNext(ct) || requestStream.Current.PartCase != UploadArtifactRequest.PartOneofCase.Header)
            throw new InvalidFieldException("part", "the first message must carry the header.");
        var header = requestStream.Current.Header;
        var digest = Fields.Digest(header.Digest, "header.digest");
        if (header.SizeBytes < 0)
            throw new InvalidFieldException("header.size_bytes", "must not be negative.");
        if (header.SizeBytes > options.MaxArtifactBytes)
            throw new StoreFullException($"The artifact has {header.SizeBytes} bytes; this gateway takes up to {options.MaxArtifactBytes}.");
        var existed = await artifacts.StatAsync(digest, ct) is not null;
        using var content = new UploadStream(requestStream, header.SizeBytes);
        // Also when it is stored already: what is there may be damaged, what comes in is checked.
        var info = await artifacts.PutAsync(content, digest, ct);
        return new UploadArtifactResponse { Digest = info.Digest.ToString(), SizeBytes = info.SizeBytes, Existed = existed };
    }

    public override async Task DownloadArtifact(DownloadArtifactRequest request, IServerStreamWriter<DownloadArtifactResponse> responseStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        var digest = Fields.Digest(request.Digest, "digest");
        var info = await artifacts.StatAsync(digest, ct) ?? throw new ArtifactNotFoundException(digest);
        if (request.Offset < 0 || request.Offset > info.SizeBytes)
            throw new InvalidFieldException("offset", $"must be from 0 to the artifact's size, {info.SizeBytes}.");
        var stream = await artifacts.OpenAsync(digest, ct);
        await using (stream)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
            try
            {
                var (position, first) = (0L, true);
                int count;
                // Read from the beginning whatever the offset, because the digest is of the whole.
                while ((count = await stream.ReadAtLeastAsync(buffer.AsMemory(0, ChunkBytes), ChunkBytes, throwOnEndOfStream: false, ct)) > 0 || first)
                {
                    var from = (int)Math.Clamp(request.Offset - position, 0, count);
                    position += count;
                    if (from == count && !(first && position >= request.Offset))
                        continue;
                    var response = new DownloadArtifactResponse { Chunk = ByteString.CopyFrom(buffer, from, count - from) };
                    if (first)
                        response.TotalBytes = info.SizeBytes;
                    first = false;
                    await responseStream.WriteAsync(response);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    public override async Task<StatArtifactResponse> StatArtifact(StatArtifactRequest request, ServerCallContext context)
    {
        var info = await artifacts.StatAsync(Fields.Digest(request.Digest, "digest"), context.CancellationToken);
        return new StatArtifactResponse { Exists = info is not null, SizeBytes = info?.SizeBytes ?? 0 };
    }
}
