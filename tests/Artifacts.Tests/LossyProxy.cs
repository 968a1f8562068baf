using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fewshot.Artifacts.Tests;

/// <summary>Stands between a client and a server and, when told, lets a request through and cuts the connection instead of passing the answer on.</summary>
public sealed class LossyProxy : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly int server;
    private byte[]? doomed;
    private int cut;

    public LossyProxy(int server)
    {
        this.server = server;
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>How many answers were lost.</summary>
    public int Cut => Volatile.Read(ref cut);

    /// <summary>Loses the answer to the next request that holds this text.</summary>
    public void LoseAnswerTo(string text) => Volatile.Write(ref doomed, Encoding.ASCII.GetBytes(text));

    public void Dispose()
    {
        end.Cancel();
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
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        await far.ConnectAsync(IPAddress.Loopback, server);
        var losing = false;
        await Task.WhenAny(PumpAsync(near, far, Request), PumpAsync(far, near, Answer)).Unwrap();

        bool Request(ReadOnlySpan<byte> bytes)
        {
            if (Volatile.Read(ref doomed) is { } text && bytes.IndexOf(text) >= 0)
            {
                Volatile.Write(ref doomed, null);
                Volatile.Write(ref losing, true);
            }

            return true;
        }

        bool Answer(ReadOnlySpan<byte> bytes)
        {
            if (!Volatile.Read(ref losing))
                return true;
            Interlocked.Increment(ref cut);
            return false;
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, PassOn passOn)
    {
        var buffer = new byte[64 << 10];
        try
        {
            int count;
            while ((count = await from.GetStream().ReadAsync(buffer, end.Token)) > 0 && passOn(buffer.AsSpan(0, count)))
                await to.GetStream().WriteAsync(buffer.AsMemory(0, count), end.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }

    private delegate bool PassOn(ReadOnlySpan<byte> bytes);
}
