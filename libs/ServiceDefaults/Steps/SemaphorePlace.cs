namespace Fewshot.ServiceDefaults;

/// <summary>A place that was taken in a semaphore; given back when this is disposed, however often.</summary>
public sealed class SemaphorePlace(SemaphoreSlim semaphore) : IDisposable
{
    private int left;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref left, 1) == 0)
            semaphore.Release();
    }
}
