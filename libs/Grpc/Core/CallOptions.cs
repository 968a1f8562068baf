namespace Grpc.Core;

/// <summary>What a caller sets for one call.</summary>
public struct CallOptions
{
    /// <summary>Options for a call.</summary>
    /// <param name="headers">Sent before the first message.</param>
    /// <param name="deadline">UTC time at which the call ends with DEADLINE_EXCEEDED; null: never.</param>
    /// <param name="cancellationToken">Cancels the call, here and at the server.</param>
    /// <param name="writeOptions">Hints for its messages.</param>
#pragma warning disable CA1068 // The order is that of the official package.
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null)
#pragma warning restore CA1068
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
    }

    /// <summary>Headers to send.</summary>
    public Metadata? Headers { get; private set; }

    /// <summary>UTC deadline; null: none.</summary>
    public DateTime? Deadline { get; private set; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private set; }

    /// <summary>Hints for the call's messages.</summary>
    public WriteOptions? WriteOptions { get; private set; }

    /// <summary>A copy with these headers.</summary>
    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>A copy with this deadline (UTC).</summary>
    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>A copy with this token.</summary>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) => this with { CancellationToken = cancellationToken };

    /// <summary>A copy with these write options.</summary>
    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };
}
