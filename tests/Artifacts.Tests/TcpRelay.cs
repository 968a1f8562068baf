using System.Net;
using System.Net.Sockets;

namespace Fewshot.Artifacts.Tests;

/// <summary>Stands between clients and a server of this machine, and passes on what a derived class lets through.</summary>
public abstract class TcpRelay : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly int server;

    /// <param name="server">The server's port.</param>
    protected TcpRelay(int server)
    {
        this.server = server;
        listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Decides about a piece of data, by its direction; no more of that direction is passed on once it says false. The end of the data is empty.</summary>
    protected delegate ValueTask<bool> Decide(bool toServer, ReadOnlyMemory<byte> data);

    /// <summary>Where clients connect to.</summary>
    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Fires when the relay is disposed.</summary>
    protected CancellationToken Ended => end.Token;

    /// <summary>A client has connected: what decides about its data.</summary>
    protected abstract ValueTask<Decide> ConnectedAsync();

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        end.Cancel();
        listener.Dispose();
        end.Dispose();
        GC.SuppressFinalize(this);
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
            var decide = await ConnectedAsync();
            await far.ConnectAsync(IPAddress.Loopback, server, end.Token);
            await Task.WhenAny(PumpAsync(near, far, toServer: true, decide), PumpAsync(far, near, toServer: false, decide)).Unwrap();
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // One of the two has gone: the other is told by the end of its connection.
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool toServer, Decide decide)
    {
        var buffer = new byte[64 << 10];
        int count;
        do
        {
            count = await from.GetStream().ReadAsync(buffer, end.Token);
            if (!await decide(toServer, buffer.AsMemory(0, count)))
                return;
            await to.GetStream().WriteAsync(buffer.AsMemory(0, count), end.Token);
        }
        while (count > 0);
    }
}
