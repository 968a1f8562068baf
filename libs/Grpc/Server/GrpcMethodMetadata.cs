using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server
{
    /// <summary>Endpoint metadata that says which gRPC method an endpoint is.</summary>
    public sealed class GrpcMethodMetadata
    {
        /// <summary>Metadata of a method.</summary>
        public GrpcMethodMetadata(Type serviceType, IMethod method)
        {
            ServiceType = serviceType;
            Method = method;
        }

        /// <summary>The implementing type.</summary>
        public Type ServiceType { get; }

        /// <summary>The method.</summary>
        public IMethod Method { get; }
    }
}

namespace Grpc.Core
{
    /// <summary>Way from a call to its HTTP request.</summary>
    public static class ServerCallContextExtensions
    {
        /// <summary>The HTTP request of a call that this server received.</summary>
        public static HttpContext GetHttpContext(this ServerCallContext serverCallContext) =>
            serverCallContext is Grpc.AspNetCore.Server.Internal.ServerCall call
                ? call.Http
                : throw new InvalidOperationException("The call was not received over HTTP.");
    }
}
