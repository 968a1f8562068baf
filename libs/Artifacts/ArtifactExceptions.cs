namespace Fewshot.Artifacts;

/// <summary>Stored or received bytes are not those their digest names (gRPC DATA_LOSS).</summary>
public sealed class DataLossException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>No artifact has this digest (gRPC NOT_FOUND).</summary>
public sealed class ArtifactNotFoundException(Digest digest) : IOException($"No artifact {digest}.")
{
    /// <summary>What was asked for.</summary>
    public Digest Digest { get; } = digest;
}

/// <summary>The disk, or the user's share of it, is full (gRPC RESOURCE_EXHAUSTED). Nothing half-written was left behind.</summary>
public sealed class StoreFullException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>
/// A store cannot be reached or does not answer (gRPC UNAVAILABLE). What was asked of it may be done or not; asking again is harmless. The message
/// names the store, for this service's operator alone.
/// </summary>
public sealed class StoreUnavailableException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>What kind of store it is: all that callers are told.</summary>
    public string Kind { get; init; } = "store";
}

/// <summary>The bytes that arrived are not those that were announced; nothing was stored (gRPC DATA_LOSS; the sender sends again).</summary>
public sealed class DigestMismatchException(Digest expected, Digest actual)
    : IOException($"The content has digest {actual}, announced was {expected}: it was damaged or cut on its way.")
{
    /// <summary>What the sender announced.</summary>
    public Digest Expected { get; } = expected;

    /// <summary>What the bytes have.</summary>
    public Digest Actual { get; } = actual;
}
