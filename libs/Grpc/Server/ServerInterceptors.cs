using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Wraps a handler in the interceptors of its server; the first registered is the outermost.</summary>
internal static class ServerInterceptors
{
    public static UnaryServerMethod<TRequest, TResponse> Unary<TRequest, TResponse>(
        IReadOnlyList<InterceptorRegistration> all,
        IServiceProvider services,
        CallScope scope,
        UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var (interceptor, inner) = (Activate(all[i], services, scope), handler);
            handler = (request, context) => interceptor.UnaryServerHandler(request, context, inner);
        }

        return handler;
    }

    public static ClientStreamingServerMethod<TRequest, TResponse> ClientStreaming<TRequest, TResponse>(
        IReadOnlyList<InterceptorRegistration> all,
        IServiceProvider services,
        CallScope scope,
        ClientStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var (interceptor, inner) = (Activate(all[i], services, scope), handler);
            handler = (requests, context) => interceptor.ClientStreamingServerHandler(requests, context, inner);
        }

        return handler;
    }

    public static ServerStreamingServerMethod<TRequest, TResponse> ServerStreaming<TRequest, TResponse>(
        IReadOnlyList<InterceptorRegistration> all,
        IServiceProvider services,
        CallScope scope,
        ServerStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var (interceptor, inner) = (Activate(all[i], services, scope), handler);
            handler = (request, responses, context) => interceptor.ServerStreamingServerHandler(request, responses, context, inner);
        }

        return handler;
    }

    public static DuplexStreamingServerMethod<TRequest, TResponse> Duplex<TRequest, TResponse>(
        IReadOnlyList<InterceptorRegistration> all,
        IServiceProvider services,
        CallScope scope,
        DuplexStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var (interceptor, inner) = (Activate(all[i], services, scope), handler);
            handler = (requests, responses, context) => interceptor.DuplexStreamingServerHandler(requests, responses, context, inner);
        }

        return handler;
    }

    private static Interceptor Activate(InterceptorRegistration registration, IServiceProvider services, CallScope scope)
    {
        if (registration.Arguments.Count == 0 && services.GetService(registration.Type) is Interceptor registered)
            return registered;
        var made = (Interceptor)ActivatorUtilities.CreateInstance(services, registration.Type, registration.ArgumentArray);
        scope.Own(made);
        return made;
    }
}
