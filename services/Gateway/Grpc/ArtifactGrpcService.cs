using System.Buffers;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>The artifact store, in chunks.</summary>
internal sealed class ArtifactGrpcService(IArtifactStore artifacts, TenantAccess access, ArtifactTransfers transfers, GatewayOptions options) : ArtifactService.ArtifactServiceBase
{
    private const int ChunkBytes = 512 << 10;

    public override async Task<UploadArtifactResponse> UploadArtifact(IAsyncStreamReader<UploadArtifactRequest> requestStream, ServerCallContext context)
    {
        var (ct, tenant) = (context.CancellationToken, access.Of(context));
        using var transfer = await transfers.BeginAsync(tenant, ct);
        using var messages = new IdleLimit<UploadArtifactRequest>(requestStream, options.TransferIdle);
        if (!await messages.MoveNext(ct) || messages.Current.PartCase != UploadArtifactRequest.PartOneofCase.Header)
            throw new InvalidFieldException("part", "the first message must carry the header.");
        var header = messages.Current.Header;
        AuditInterceptor.About(context, header.Digest);
        var digest = Fields.Digest(header.Digest, "header.digest");
        if (header.SizeBytes < 0)
            throw new InvalidFieldException("header.size_bytes", "must not be negative.");
        if (header.SizeBytes > options.MaxArtifactBytes)
            throw new StoreFullException($"The artifact has {header.SizeBytes} bytes; this gateway takes up to {options.MaxArtifactBytes}.");
        await using var reservation = await access.ReserveAsync(tenant, digest, header.SizeBytes, ct);
        // What others have is not told.
        var existed = await access.SeesAsync(tenant, digest, ct) && await artifacts.StatAsync(digest, ct) is not null;
        using var content = new UploadStream(messages, header.SizeBytes, transfer);
        // Also when it is stored already: what is there may be damaged, what comes in is checked.
        var info = await artifacts.PutAsync(content, digest, ct);
        if (reservation is not null)
            await reservation.StoredAsync(info, ct);
        return new UploadArtifactResponse { Digest = info.Digest.ToString(), SizeBytes = info.SizeBytes, Existed = existed };
    }

    public override async Task DownloadArtifact(DownloadArtifactRequest request, IServerStreamWriter<DownloadArtifactResponse> responseStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        var digest = Fields.Digest(request.Digest, "digest");
        var tenant = access.Of(context);
        await access.CheckAsync(tenant, digest, ct);
        var info = await artifacts.StatAsync(digest, ct) ?? throw new ArtifactNotFoundException(digest);
        if (request.Offset < 0 || request.Offset > info.SizeBytes)
            throw new InvalidFieldException("offset", $"must be from 0 to the artifact's size, {info.SizeBytes}.");
        using var transfer = await transfers.BeginAsync(tenant, ct);
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
                    await transfer.SendAsync(response, response.Chunk.Length, responseStream, context);
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
        var digest = Fields.Digest(request.Digest, "digest");
        var seen = await access.SeesAsync(access.Of(context), digest, context.CancellationToken);
        var info = seen ? await artifacts.StatAsync(digest, context.CancellationToken) : null;
        return new StatArtifactResponse { Exists = info is not null, SizeBytes = info?.SizeBytes ?? 0 };
    }
}
