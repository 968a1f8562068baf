namespace Fewshot.ServiceDefaults;

/// <summary>A field of a request is missing or out of range (gRPC INVALID_ARGUMENT).</summary>
/// <param name="field">Its name in the contract.</param>
/// <param name="accepted">What is wrong and what would be accepted, as the rest of a sentence.</param>
public sealed class InvalidFieldException(string field, string accepted) : Exception($"{field}: {accepted}")
{
    /// <summary>The field's name in the contract.</summary>
    public string Field { get; } = field;
}

/// <summary>Something the call builds on is missing (gRPC FAILED_PRECONDITION); the message says what.</summary>
public sealed class PreconditionException(string message) : Exception(message);

/// <summary>Not now (gRPC RESOURCE_EXHAUSTED, or UNAVAILABLE while stopping); the status carries the time after which to try again.</summary>
public sealed class RetryLaterException(string message, TimeSpan retryAfter, bool stopping = false) : Exception(message)
{
    /// <summary>When to try again.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;

    /// <summary>The worker hands its work back because it is stopping; another one, or the next run, continues it.</summary>
    public bool Stopping { get; } = stopping;
}

/// <summary>A step was stopped at the wish of its callers (gRPC CANCELLED).</summary>
public sealed class StepCancelledException() : Exception("The step was stopped; its checkpoint is kept.");

/// <summary>The worker's process can run no steps any more and ends (gRPC UNAVAILABLE): to its callers it is lost, and what it ran may be why.</summary>
public sealed class WorkerFailedException(string message) : Exception(message);
