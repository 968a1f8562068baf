using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Maps the answers to unknown methods and services, each once per application.</summary>
internal sealed class FallbackMarker
{
    private readonly HashSet<string> _services = [];

    public void Map(IEndpointRouteBuilder builder, IEnumerable<string> services)
    {
        foreach (var service in services)
        {
            if (_services.Add(service))
                MapUnimplemented(builder, $"{service}/{{unknownMethod}}", "Method is unimplemented.", int.MaxValue - 1);
        }

        if (_services.Add(""))
            MapUnimplemented(builder, "{unknownService}/{unknownMethod}", "Service is unimplemented.", int.MaxValue);
    }

    private static void MapUnimplemented(IEndpointRouteBuilder builder, string pattern, string detail, int order)
    {
        var route = RoutePatternFactory.Parse(pattern, defaults: null, parameterPolicies: new { unknownMethod = new GrpcConstraint() });
        builder.Map(route, context =>
        {
            if (!RequestCheck.Accept(context))
                return Task.CompletedTask;
            ResponseStatus.WriteTrailersOnly(context.Response, new Status(StatusCode.Unimplemented, detail), []);
            return Task.CompletedTask;
        }).Add(endpoint =>
        {
            ((RouteEndpointBuilder)endpoint).Order = order;
            endpoint.Metadata.Add(new HttpMethodMetadata([HttpMethods.Post]));
            endpoint.DisplayName = $"gRPC - {detail}";
        });
    }

    /// <summary>Leaves requests that are not gRPC to the application's other endpoints.</summary>
    private sealed class GrpcConstraint : IRouteConstraint
    {
        public bool Match(
            HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection) =>
            httpContext is null || Wire.Headers.IsGrpc(httpContext.Request.ContentType);
    }
}
