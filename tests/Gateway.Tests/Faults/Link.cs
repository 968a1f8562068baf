using System.Net;
using System.Net.Sockets;

namespace Fewshot.Gateway.Tests;

/// <summary>
/// A network link to a server that can be parted: connections stand and new ones are taken, but nothing passes until it is healed; then what was
/// held arrives, as it does with TCP.
/// </summary>
internal sealed class Link : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly int server;
    private volatile TaskCompletionSource passable = new();
    private int held;

    public Link(int server)
    {
        this.server = server;
        passable.SetResult();
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>How many pieces of data have met the parted link since it was parted.</summary>
    public int Held => Volatile.Read(ref held);

    public void Part()
    {
        Volatile.Write(ref held, 0);
        passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Heal() => passable.TrySetResult();

    public void Dispose()
    {
        end.Cancel();
        Heal();
        listener.Dispose();
        end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(end.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient { NoDelay = true };
        near.NoDelay = true;
        try
        {
            await PassAsync();
            await far.ConnectAsync(IPAddress.Loopback, server, end.Token);
            await Task.WhenAny(PumpAsync(near, far), PumpAsync(far, near));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two has gone: the other is told by the end of its connection.
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to)
    {
        var buffer = new byte[64 << 10];
        int count;
        while ((count = await from.GetStream().ReadAsync(buffer, end.Token)) > 0)
        {
            await PassAsync();
            await to.GetStream().WriteAsync(buffer.AsMemory(0, count), end.Token);
        }

        await PassAsync();
    }

    private async Task PassAsync()
    {
        var wait = passable.Task;
        if (wait.IsCompleted)
            return;
        Interlocked.Increment(ref held);
        await wait.WaitAsync(end.Token);
    }
}
