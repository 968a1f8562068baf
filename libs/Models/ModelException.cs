namespace Fewshot.Models;

/// <summary>What a caller gave describes no network we can build; the message says what to change (gRPC INVALID_ARGUMENT).</summary>
public abstract class ModelException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>No variant of the catalog has this name; the message lists the names.</summary>
public sealed class UnknownArchitectureException(string message) : ModelException(message);

/// <summary>A network description (the metadata of a checkpoint) is malformed; the message names the field.</summary>
public sealed class InvalidSpecException(string message, Exception? inner = null) : ModelException(message, inner);

/// <summary>A checkpoint is truncated, malicious, of an unknown format, or does not fit the network; the message names the key, global or field.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : ModelException(message, inner);

/// <summary>An edit names no block that it applies to; the message lists those that it does.</summary>
public sealed class InvalidEditException(string message, IReadOnlyList<string> droppable) : ModelException(message)
{
    /// <summary>The blocks that it still applies to.</summary>
    public IReadOnlyList<string> Droppable { get; } = droppable;
}
