using System.Text;

namespace Fewshot.Artifacts.Tests;

/// <summary>When told, lets a request through and cuts the connection instead of passing the answer on.</summary>
public sealed class LossyProxy(int server) : TcpRelay(server)
{
    private byte[]? doomed;
    private int cut;

    /// <summary>How many answers were lost.</summary>
    public int Cut => Volatile.Read(ref cut);

    /// <summary>Loses the answer to the next request that holds this text.</summary>
    public void LoseAnswerTo(string text) => Volatile.Write(ref doomed, Encoding.ASCII.GetBytes(text));

    /// <inheritdoc/>
    protected override ValueTask<Decide> ConnectedAsync()
    {
        var losing = false;
        return ValueTask.FromResult<Decide>((toServer, data) =>
        {
            if (toServer)
            {
                if (Volatile.Read(ref doomed) is { } text && data.Span.IndexOf(text) >= 0)
                {
                    Volatile.Write(ref doomed, null);
                    Volatile.Write(ref losing, true);
                }
            }
            else if (Volatile.Read(ref losing))
            {
                Interlocked.Increment(ref cut);
                return ValueTask.FromResult(false);
            }

            return ValueTask.FromResult(true);
        });
    }
}
