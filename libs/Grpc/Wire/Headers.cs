namespace Grpc.Wire;

/// <summary>Names and constants of gRPC over HTTP/2.</summary>
internal static class Headers
{
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string Timeout = "grpc-timeout";
    public const string ContentType = "application/grpc";
    public const string Gzip = "gzip";
    public const string Identity = "identity";
    public const string Supported = "identity,gzip";

    /// <summary>A client asks for compression of its own messages with this metadata key, which never goes on the wire.</summary>
    public const string RequestCompression = "grpc-internal-encoding-request";

    /// <summary>Bytes before each message: one flag and a big-endian length.</summary>
    public const int FrameHeader = 5;

    /// <summary>4 MiB, the default limit of received messages everywhere in gRPC.</summary>
    public const int DefaultReceiveLimit = 4 * 1024 * 1024;

    public static bool IsGrpc(string? contentType) =>
        contentType is not null && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is ';' or '+');
}
