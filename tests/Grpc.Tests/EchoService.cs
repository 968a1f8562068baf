using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.GrpcTests;

/// <summary>Does what each request says.</summary>
internal sealed class EchoService(CallProbe probe) : V1.EchoService.EchoServiceBase
{
    public override async Task<EchoResponse> Unary(EchoRequest request, ServerCallContext context)
    {
        await PrepareAsync(request, context);
        Fail(request);
        return Response(request, 0);
    }

    public override async Task ServerStream(EchoRequest request, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context)
    {
        await PrepareAsync(request, context);
        for (var i = 0; i < request.Count; i++)
        {
            await responseStream.WriteAsync(Response(request, i));
            probe.Written = i + 1;
        }

        Fail(request);
    }

    public override async Task<EchoResponse> ClientStream(IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        var total = new EchoResponse();
        probe.Observe(context);
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            Fail(request);
            total.Index++;
            total.Text += request.Text;
        }

        return total;
    }

    public override async Task Duplex(
        IAsyncStreamReader<EchoRequest> requestStream, IServerStreamWriter<EchoResponse> responseStream, ServerCallContext context)
    {
        probe.Observe(context);
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            Fail(request);
            for (var i = 0; i < Math.Max(1, request.Count); i++)
                await responseStream.WriteAsync(Response(request, i), context.CancellationToken);
        }
    }

    private static void Fail(EchoRequest request)
    {
        if (request.Throw)
            throw new InvalidDataException("secret path /etc/passwd");
        if (request.FailCode != 0)
        {
            var trailers = new Metadata { { "x-reason", "asked" }, { "x-reason-bin", new byte[] { 0, 255, 7 } } };
            throw new RpcException(new Status((StatusCode)request.FailCode, request.FailMessage), trailers);
        }
    }

    private static EchoResponse Response(EchoRequest request, int index) => new()
    {
        Text = request.Text,
        Index = index,
        Payload = request.SizeBytes > 0 ? UnsafeByteOperations.UnsafeWrap(new byte[request.SizeBytes]) : request.Payload,
    };

    private async Task PrepareAsync(EchoRequest request, ServerCallContext context)
    {
        probe.Observe(context);
        if (request.Mirror)
        {
            var own = new Metadata();
            foreach (var entry in context.RequestHeaders.Where(e => e.Key.StartsWith("x-", StringComparison.Ordinal)))
            {
                own.Add(entry);
                context.ResponseTrailers.Add(entry);
            }

            await context.WriteResponseHeadersAsync(own);
        }

        if (request.Wait)
        {
            probe.Waiting.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        }
    }
}

/// <summary>A call as its handler saw it.</summary>
internal sealed record SeenCall(string Method, string Host, string Peer, DateTime Deadline, Metadata RequestHeaders, AuthContext AuthContext);

/// <summary>What the server side of a test saw.</summary>
internal sealed class CallProbe
{
    private volatile int _written;

    public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource<SeenCall> Called { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Written
    {
        get => _written;
        set => _written = value;
    }

    public void Observe(ServerCallContext context)
    {
        context.CancellationToken.Register(() => Cancelled.TrySetResult());
        Called.TrySetResult(new(
            context.Method, context.Host, context.Peer, context.Deadline, context.RequestHeaders, context.AuthContext));
    }
}
