using System.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Receives a service's methods from its generated code and maps each to an endpoint.</summary>
internal sealed class EndpointBinder<TService>(IEndpointRouteBuilder builder) : ServiceBinderBase
    where TService : class
{
    private readonly MethodSettings _settings = MethodSettings.For<TService>(builder.ServiceProvider);
    private readonly ServiceActivator<TService> _activator = new(builder.ServiceProvider);
    private readonly List<IEndpointConventionBuilder> _endpoints = [];
    private readonly HashSet<string> _names = [];

    public IReadOnlyList<IEndpointConventionBuilder> Endpoints => _endpoints;

    public IReadOnlyCollection<string> ServiceNames => _names;

    private delegate Task<TResponse> Unary<TRequest, TResponse>(TService service, TRequest request, ServerCallContext context);

    private delegate Task<TResponse> ClientStreaming<TRequest, TResponse>(
        TService service, IAsyncStreamReader<TRequest> requests, ServerCallContext context);

    private delegate Task ServerStreaming<TRequest, TResponse>(
        TService service, TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context);

    private delegate Task Duplex<TRequest, TResponse>(
        TService service, IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context);

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Unary<TRequest, TResponse>>(method, typeof(TRequest), typeof(ServerCallContext));
        Map(method, streamingRequests: false, async call =>
        {
            var request = await ReadSingleAsync(call, method.RequestMarshaller);
            await using var scope = _activator.Create(call.Http.RequestServices);
            UnaryServerMethod<TRequest, TResponse> inner = (r, c) => invoke(scope.Service, r, c);
            var chain = ServerInterceptors.Unary(_settings.Interceptors, call.Http.RequestServices, scope, inner);
            await WriteSingleAsync(call, method.ResponseMarshaller, await chain(request, call));
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<ClientStreaming<TRequest, TResponse>>(
            method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext));
        Map(method, streamingRequests: true, async call =>
        {
            await using var scope = _activator.Create(call.Http.RequestServices);
            ClientStreamingServerMethod<TRequest, TResponse> inner = (r, c) => invoke(scope.Service, r, c);
            var chain = ServerInterceptors.ClientStreaming(_settings.Interceptors, call.Http.RequestServices, scope, inner);
            var response = await chain(new RequestStream<TRequest>(call, method.RequestMarshaller), call);
            await WriteSingleAsync(call, method.ResponseMarshaller, response);
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<ServerStreaming<TRequest, TResponse>>(
            method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
        Map(method, streamingRequests: false, async call =>
        {
            var request = await ReadSingleAsync(call, method.RequestMarshaller);
            await using var scope = _activator.Create(call.Http.RequestServices);
            ServerStreamingServerMethod<TRequest, TResponse> inner = (r, w, c) => invoke(scope.Service, r, w, c);
            var chain = ServerInterceptors.ServerStreaming(_settings.Interceptors, call.Http.RequestServices, scope, inner);
            await chain(request, new ResponseStream<TResponse>(call, method.ResponseMarshaller), call);
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Duplex<TRequest, TResponse>>(
            method, typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
        Map(method, streamingRequests: true, async call =>
        {
            await using var scope = _activator.Create(call.Http.RequestServices);
            DuplexStreamingServerMethod<TRequest, TResponse> inner = (r, w, c) => invoke(scope.Service, r, w, c);
            var chain = ServerInterceptors.Duplex(_settings.Interceptors, call.Http.RequestServices, scope, inner);
            await chain(
                new RequestStream<TRequest>(call, method.RequestMarshaller),
                new ResponseStream<TResponse>(call, method.ResponseMarshaller),
                call);
        });
    }

    private static MethodInfo Implementation(IMethod method, Type[] parameters) =>
        typeof(TService).GetMethod(method.Name, BindingFlags.Public | BindingFlags.Instance, parameters)
        ?? throw new InvalidOperationException($"{typeof(TService).Name} has no method {method.Name} for {method.FullName}.");

    private static TDelegate Find<TDelegate>(IMethod method, params Type[] parameters)
        where TDelegate : Delegate => Implementation(method, parameters).CreateDelegate<TDelegate>();

    private static async ValueTask<T> ReadSingleAsync<T>(ServerCall call, Marshaller<T> marshaller)
    {
        try
        {
            return await call.Reader.ReadSingleAsync(marshaller.ContextualDeserializer, call.CancellationToken);
        }
        catch (IOException e)
        {
            throw call.ClientGone(e);
        }
    }

    private static Task WriteSingleAsync<T>(ServerCall call, Marshaller<T> marshaller, T? response)
        where T : class =>
        response is null
            ? throw new RpcException(new Status(StatusCode.Cancelled, "No message returned from method."))
            : call.WriteAsync(response, marshaller.ContextualSerializer, flush: false, call.CancellationToken);

    private void Map(IMethod method, bool streamingRequests, Func<ServerCall, Task> run)
    {
        _names.Add(method.ServiceName);
        var implementation = typeof(TService).GetMethods().First(m => m.Name == method.Name);
        var endpoint = builder.Map(RoutePatternFactory.Parse(method.FullName), http => HandleAsync(http, streamingRequests, run));
        endpoint.Add(e =>
        {
            e.DisplayName = $"gRPC - {method.FullName}";
            foreach (var attribute in typeof(TService).GetCustomAttributes(inherit: true).Concat(implementation.GetCustomAttributes(inherit: true)))
                e.Metadata.Add(attribute);
            e.Metadata.Add(new HttpMethodMetadata([HttpMethods.Post]));
            e.Metadata.Add(new GrpcMethodMetadata(typeof(TService), method));
        });
        _endpoints.Add(endpoint);
    }

    private async Task HandleAsync(HttpContext http, bool streamingRequests, Func<ServerCall, Task> run)
    {
        if (!RequestCheck.Accept(http))
            return;
        using var call = new ServerCall(http, _settings);
        call.PrepareBody(streamingRequests);
        Exception? failure = null;
        try
        {
            await run(call);
        }
        catch (Exception e)
        {
            failure = e;
        }

        await call.EndAsync(failure);
    }
}
