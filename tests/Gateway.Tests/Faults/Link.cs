namespace Fewshot.Gateway.Tests;

/// <summary>
/// A network link to a server that can be parted: connections stand and new ones are taken, but nothing passes until it is healed; then what was
/// held arrives, as it does with TCP.
/// </summary>
internal sealed class Link : TcpRelay
{
    private volatile TaskCompletionSource passable = new();
    private int held;

    public Link(int server)
        : base(server) => passable.SetResult();

    /// <summary>How many pieces of data have met the parted link since it was parted.</summary>
    public int Held => Volatile.Read(ref held);

    public void Part()
    {
        Volatile.Write(ref held, 0);
        passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Heal() => passable.TrySetResult();

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Heal();
    }

    /// <inheritdoc/>
    protected override async ValueTask<Decide> ConnectedAsync()
    {
        await PassAsync();
        return async (_, _) =>
        {
            await PassAsync();
            return true;
        };
    }

    private async Task PassAsync()
    {
        var wait = passable.Task;
        if (wait.IsCompleted)
            return;
        Interlocked.Increment(ref held);
        await wait.WaitAsync(Ended);
    }
}
