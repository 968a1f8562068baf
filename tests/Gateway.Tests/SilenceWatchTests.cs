using Fewshot.Gateway.Grpc;
using Xunit;

namespace Fewshot.Gateway.Tests;

public sealed class SilenceWatchTests
{
    [Fact]
    public async Task Token_NothingHeard_Fires()
    {
        using var watch = new SilenceWatch(TimeSpan.FromMilliseconds(50), CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Delay(TimeSpan.FromMinutes(1), watch.Token));
    }

    [Fact]
    public void Token_Stop_FiresAtOnce()
    {
        using var stop = new CancellationTokenSource();
        using var watch = new SilenceWatch(TimeSpan.FromHours(1), stop.Token);
        stop.Cancel();
        Assert.True(watch.Token.IsCancellationRequested);
    }
}
