namespace Fewshot.Artifacts;

/// <summary>
/// What is known of every step: its result, or who is working on it and the newest checkpoint. Failures are never recorded: a step that
/// failed is a step nobody has done yet. Any call may throw <see cref="StoreUnavailableException"/>; whatever was done by then, it may be repeated.
/// </summary>
public interface IStepLedger
{
    /// <summary>The result of a step; null while it is not done.</summary>
    Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default);

    /// <summary>
    /// Takes on a step. Null when it is done already or someone alive is at it: look for the result, and try again later. A lease whose
    /// process ended is taken over at once, one that was not renewed in time when it expires.
    /// </summary>
    /// <param name="key">The step.</param>
    /// <param name="owner">Whom to name to others, such as a worker's address.</param>
    /// <param name="ct">Gives up waiting.</param>
    Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default);

    /// <summary>The newest checkpoint of a step that is not done; null where there is none.</summary>
    Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default);

    /// <summary>Records a checkpoint whose artifact is stored already.</summary>
    /// <exception cref="LeaseLostException">Another has taken the step over.</exception>
    Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default);

    /// <summary>Forgets a result whose artifacts are gone, so that the step is done again. Does nothing when the result is another one by now.</summary>
    Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default);
}

/// <summary>The right to work on a step. Disposing it without a result gives the step back.</summary>
public interface IStepLease : IAsyncDisposable
{
    /// <summary>The step.</summary>
    StepKey Key { get; }

    /// <summary>Says that the work goes on; to be called every 10 s.</summary>
    /// <exception cref="LeaseLostException">Another has taken the step over.</exception>
    Task RenewAsync(CancellationToken ct = default);

    /// <summary>Records the result, whose artifacts are stored already, and ends the lease. The first writer wins.</summary>
    /// <returns>The result that counts: this one, or the one that another recorded before.</returns>
    /// <exception cref="LeaseLostException">Another has taken the step over and is not done yet; its result will count.</exception>
    Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default);
}

/// <summary>A lease was not renewed in time and another worker has taken its step over.</summary>
public sealed class LeaseLostException(StepKey key) : Exception($"The lease of step {key} was lost: it was not renewed in time and another worker took the step over.");
