namespace Fewshot.Imaging;

/// <summary>A number of bytes that threads share: one that would exceed it waits until others are done.</summary>
internal sealed class MemoryBudget
{
    private readonly object door = new();
    private readonly long bytes;
    private long free;

    /// <param name="bytes">Most that is taken at once.</param>
    public MemoryBudget(long bytes) => free = this.bytes = bytes;

    /// <summary>
    /// Takes a share; disposing the result, once, gives it back. A thread takes one share at a time, or two could wait for each other.
    /// </summary>
    /// <param name="wanted">Bytes. More than the whole budget means the whole budget.</param>
    public IDisposable Take(long wanted)
    {
        var taken = Math.Min(wanted, bytes);
        lock (door)
        {
            while (free < taken)
                Monitor.Wait(door);
            free -= taken;
        }

        return new Share(this, taken);
    }

    private void Return(long taken)
    {
        lock (door)
        {
            free += taken;
            Monitor.PulseAll(door);
        }
    }

    private sealed class Share(MemoryBudget budget, long taken) : IDisposable
    {
        public void Dispose() => budget.Return(taken);
    }
}
