namespace Fewshot.ServiceDefaults;

/// <summary>Admits one heavy step of the process at a time: two would only slow each other down, and spoil measurements.</summary>
public sealed class HeavyStepGate(FewshotOptions options) : IDisposable
{
    private readonly SemaphoreSlim free = new(1, 1);

    /// <summary>Waits its turn for <see cref="FewshotOptions.StepQueue"/>; dispose what it returns when the step has ended.</summary>
    /// <exception cref="RetryLaterException">Another step was still running then.</exception>
    public async Task<IDisposable> EnterAsync(CancellationToken ct)
    {
        if (!await free.WaitAsync(options.StepQueue, ct))
            throw new RetryLaterException("The worker is busy with another step.", options.RetryAfter);
        return new SemaphorePlace(free);
    }

    /// <inheritdoc/>
    public void Dispose() => free.Dispose();
}
