using Fewshot.GrpcTests.V1;
using Grpc.Core;

namespace Fewshot.GrpcTests;

/// <summary>Deadlines and cancellation.</summary>
public sealed class TimeTests : IAsyncLifetime
{
    private EchoHost _host = null!;

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync();

    public async Task DisposeAsync()
    {
        Assert.Empty(_host.Errors.Entries);
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task Unary_DeadlinePasses_DeadlineExceededHereAndCancellationThere()
    {
        await WarmUpAsync();
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
            await _host.Client.UnaryAsync(new EchoRequest { Wait = true }, deadline: DateTime.UtcNow.AddMilliseconds(500)));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    /// <summary>Connects, so that a short deadline is not spent before the server sees the call.</summary>
    private async Task WarmUpAsync()
    {
        using var call = _host.Client.Duplex();
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Unary_DeadlineInThePast_FailsAtOnceWithoutACall()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
            await _host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddSeconds(-1)));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.False(_host.Probe.Called.Task.IsCompleted);
    }

    [Fact]
    public async Task Unary_Deadline_ReachesTheHandler()
    {
        var deadline = DateTime.UtcNow.AddMinutes(5);
        await _host.Client.UnaryAsync(new EchoRequest(), deadline: deadline);
        var seen = (await _host.Probe.Called.Task).Deadline;
        Assert.Equal(DateTimeKind.Utc, seen.Kind);
        Assert.InRange(seen, deadline.AddSeconds(-5), deadline.AddSeconds(5));
    }

    [Fact]
    public async Task Unary_FarDeadlineOrNone_IsNoObstacle()
    {
        await _host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddYears(100));
        await _host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.MaxValue);
        Assert.InRange((await _host.Probe.Called.Task).Deadline, DateTime.UtcNow.AddYears(99), DateTime.MaxValue);
    }

    [Fact]
    public async Task Unary_LocalTimeDeadline_Throws()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await _host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.Now.AddMinutes(1)));
    }

    [Fact]
    public async Task Duplex_DeadlinePassesWhileReading_DeadlineExceeded()
    {
        await WarmUpAsync();
        using var call = _host.Client.Duplex(deadline: DateTime.UtcNow.AddMilliseconds(500));
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.Equal(StatusCode.DeadlineExceeded, call.GetStatus().StatusCode);
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    [Fact]
    public async Task Unary_TokenCancelled_CancelledHereAndThere()
    {
        using var source = new CancellationTokenSource();
        var call = _host.Client.UnaryAsync(new EchoRequest { Wait = true }, cancellationToken: source.Token);
        await _host.Probe.Waiting.Task.WaitAsync(EchoHost.Patience);
        await source.CancelAsync();
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    [Fact]
    public async Task Unary_TokenCancelledBefore_CancelledWithoutACall()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
            await _host.Client.UnaryAsync(new EchoRequest(), cancellationToken: new CancellationToken(true)));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        Assert.False(_host.Probe.Called.Task.IsCompleted);
    }

    [Fact]
    public async Task ServerStream_DisposedHalfway_CancelsTheServer()
    {
        var call = _host.Client.ServerStream(new EchoRequest { Count = int.MaxValue, SizeBytes = 1000 });
        Assert.True(await call.ResponseStream.MoveNext());
        call.Dispose();
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task ServerStream_TokenOfMoveNextCancelled_CancelsTheCall()
    {
        using var call = _host.Client.ServerStream(new EchoRequest { Wait = true });
        using var source = new CancellationTokenSource();
        var next = call.ResponseStream.MoveNext(source.Token);
        await _host.Probe.Waiting.Task.WaitAsync(EchoHost.Patience);
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => next)).StatusCode);
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    [Fact]
    public async Task ClientStream_CancelledBeforeItsEnd_CancelsTheServer()
    {
        using var source = new CancellationTokenSource();
        using var call = _host.Client.ClientStream(cancellationToken: source.Token);
        await call.RequestStream.WriteAsync(new EchoRequest());
        await _host.Probe.Called.Task.WaitAsync(EchoHost.Patience);
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
        Assert.Equal(
            StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new EchoRequest()))).StatusCode);
    }

    [Fact]
    public async Task Channel_Disposed_EndsItsCallsAndTakesNoMore()
    {
        var call = _host.Client.UnaryAsync(new EchoRequest { Wait = true });
        await _host.Probe.Waiting.Task.WaitAsync(EchoHost.Patience);
        _host.Channel.Dispose();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Throws<ObjectDisposedException>(() => _host.Client.UnaryAsync(new EchoRequest()));
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }
}
