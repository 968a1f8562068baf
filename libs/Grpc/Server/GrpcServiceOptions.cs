using System.Collections.ObjectModel;
using System.IO.Compression;
using Grpc.Core.Interceptors;

namespace Grpc.AspNetCore.Server;

/// <summary>Settings of all services, or of one.</summary>
public class GrpcServiceOptions
{
    private int? _receive = Wire.Headers.DefaultReceiveLimit;

    /// <summary>Largest message in bytes that may be sent; null: no limit (the default).</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Largest message in bytes that is accepted; null: no limit; 4 MiB unless set.</summary>
    public int? MaxReceiveMessageSize
    {
        get => _receive;
        set
        {
            _receive = value;
            ReceiveLimitIsSet = true;
        }
    }

    /// <summary>Whether the text of an unexpected exception goes to the client. Off by default.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>Encoding of responses (<c>gzip</c>) for clients that accept it; null: none.</summary>
    public string? ResponseCompressionAlgorithm { get; set; }

    /// <summary>Effort of the response compression.</summary>
    public CompressionLevel? ResponseCompressionLevel { get; set; }

    /// <summary>Interceptors of every call, outermost first.</summary>
    public InterceptorCollection Interceptors { get; } = [];

    internal bool ReceiveLimitIsSet { get; private set; }
}

/// <summary>Settings of one service; what is not set here is taken from the settings of all.</summary>
public class GrpcServiceOptions<TService> : GrpcServiceOptions
    where TService : class
{
}

/// <summary>The interceptors of a server, outermost first.</summary>
public class InterceptorCollection : Collection<InterceptorRegistration>
{
    /// <summary>Adds an interceptor by type; each call takes it from the container, or makes one with these arguments.</summary>
    public void Add<TInterceptor>(params object[] args)
        where TInterceptor : Interceptor => Add(typeof(TInterceptor), args);

    /// <summary>Adds an interceptor by type.</summary>
    public void Add(Type interceptorType, params object[] args)
    {
        ArgumentNullException.ThrowIfNull(interceptorType);
        if (!typeof(Interceptor).IsAssignableFrom(interceptorType))
            throw new ArgumentException($"Type must inherit from {typeof(Interceptor).FullName}.", nameof(interceptorType));
        Add(new InterceptorRegistration(interceptorType, args));
    }
}

/// <summary>An interceptor type and the constructor arguments that the container does not supply.</summary>
public class InterceptorRegistration
{
    private readonly object[] _args;

    internal InterceptorRegistration(Type type, object[] args)
    {
        Type = type;
        _args = args;
    }

    /// <summary>The interceptor's type.</summary>
    public Type Type { get; }

    /// <summary>Constructor arguments.</summary>
    public IReadOnlyList<object> Arguments => _args;

    internal object[] ArgumentArray => _args;
}

/// <summary>Adds to the gRPC services.</summary>
public interface IGrpcServerBuilder
{
    /// <summary>The application's services.</summary>
    Microsoft.Extensions.DependencyInjection.IServiceCollection Services { get; }
}
