using Fewshot.GrpcTests.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.GrpcTests;

public sealed class InterceptorTests : IAsyncLifetime
{
    private readonly Trace _trace = new();
    private EchoHost _host = null!;

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync(
        o =>
        {
            o.Interceptors.Add<ServerSide>("outer");
            o.Interceptors.Add<ServerSide>("inner");
        },
        build: b => b.Services.AddSingleton(_trace));

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Server_TwoInterceptors_WrapEveryCallTypeInOrder()
    {
        await CallAllAsync(_host.Client);
        string[] each(string kind) => [$"outer>{kind}", $"inner>{kind}", $"inner<{kind}", $"outer<{kind}"];
        Assert.Equal([.. each("unary"), .. each("server"), .. each("client"), .. each("duplex")], _trace.Entries);
        Assert.Equal(8, _trace.Disposed);
    }

    [Fact]
    public async Task Server_InterceptorMapsAnException_ClientSeesItsStatus()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.UnaryAsync(new EchoRequest { Throw = true }));
        Assert.Equal((StatusCode.FailedPrecondition, "inner"), (e.StatusCode, e.Status.Detail));
        Assert.Empty(_host.Errors.Entries);
    }

    [Fact]
    public async Task Client_TwoInterceptors_WrapEveryCallTypeInOrder()
    {
        var seen = new Trace();
        var invoker = _host.Channel.Intercept(new ClientSide("a", seen), new ClientSide("b", seen));
        var client = new V1.EchoService.EchoServiceClient(invoker);
        await CallAllAsync(client);
        Assert.Equal("blocking", client.Unary(new EchoRequest { Text = "blocking" }).Text);
        Assert.Equal(["unary", "server", "client", "duplex", "blocking"], seen.Entries.Where(e => e.StartsWith('a')).Select(e => e[2..]));
        Assert.Equal(seen.Entries.Where((_, i) => i % 2 == 0).Select(e => "b" + e[1..]), seen.Entries.Where((_, i) => i % 2 == 1));
    }

    [Fact]
    public async Task Client_InterceptorAddsHeaders_TheyArrive()
    {
        var client = new V1.EchoService.EchoServiceClient(_host.Channel.Intercept(headers =>
        {
            headers.Add("x-token", "t1");
            return headers;
        }));
        using var call = client.UnaryAsync(new EchoRequest { Mirror = true });
        await call;
        Assert.Equal("t1", call.GetTrailers().GetValue("x-token"));
    }

    private static async Task CallAllAsync(V1.EchoService.EchoServiceClient client)
    {
        await client.UnaryAsync(new EchoRequest());
        using var server = client.ServerStream(new EchoRequest { Count = 1 });
        Assert.True(await server.ResponseStream.MoveNext());
        Assert.False(await server.ResponseStream.MoveNext());
        using var stream = client.ClientStream();
        await stream.RequestStream.CompleteAsync();
        await stream;
        using var duplex = client.Duplex();
        await duplex.RequestStream.CompleteAsync();
        Assert.False(await duplex.ResponseStream.MoveNext());
    }

    private sealed class Trace
    {
        private readonly List<string> _entries = [];
        private int _disposed;

        public IReadOnlyList<string> Entries => _entries;

        public int Disposed => _disposed;

        public void Add(string entry)
        {
            lock (_entries)
                _entries.Add(entry);
        }

        public void CountDisposal() => Interlocked.Increment(ref _disposed);
    }

    private sealed class ServerSide(string name, Trace trace) : Interceptor, IDisposable
    {
        public void Dispose() => trace.CountDisposal();

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            AroundAsync("unary", () => continuation(request, context));

        public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream,
            ServerCallContext context,
            ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
            AroundAsync("client", () => continuation(requestStream, context));

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
            AroundAsync("server", () => NoResult(continuation(request, responseStream, context)));

        public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
            AroundAsync("duplex", () => NoResult(continuation(requestStream, responseStream, context)));

        private static async Task<bool> NoResult(Task task)
        {
            await task;
            return true;
        }

        private async Task<T> AroundAsync<T>(string kind, Func<Task<T>> next)
        {
            trace.Add($"{name}>{kind}");
            try
            {
                return await next();
            }
            catch (InvalidDataException)
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition, name));
            }
            finally
            {
                trace.Add($"{name}<{kind}");
            }
        }
    }

    private sealed class ClientSide(string name, Trace trace) : Interceptor
    {
        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            BlockingUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            trace.Add($"{name}>blocking");
            return continuation(request, context);
        }

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            trace.Add($"{name}>unary");
            return continuation(request, context);
        }

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            trace.Add($"{name}>server");
            return continuation(request, context);
        }

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            trace.Add($"{name}>client");
            return continuation(context);
        }

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            trace.Add($"{name}>duplex");
            return continuation(context);
        }
    }
}
