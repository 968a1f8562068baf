using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Takes the service of a call from the container, or makes one.</summary>
internal sealed class ServiceActivator<TService>
    where TService : class
{
    private readonly bool _registered;
    private readonly ObjectFactory<TService>? _factory;

    public ServiceActivator(IServiceProvider services)
    {
        _registered = services.GetService<IServiceProviderIsService>()?.IsService(typeof(TService)) ?? false;
        _factory = _registered ? null : ActivatorUtilities.CreateFactory<TService>([]);
    }

    public ServiceScope<TService> Create(IServiceProvider services) =>
        _registered ? new(services.GetRequiredService<TService>(), owned: false) : new(_factory!(services, null), owned: true);
}

/// <summary>The service of one call together with all that was made for the call and ends with it.</summary>
internal sealed class ServiceScope<TService>(TService service, bool owned) : CallScope, IAsyncDisposable
    where TService : class
{
    public TService Service => service;

    public async ValueTask DisposeAsync()
    {
        if (Made is not null)
        {
            for (var i = Made.Count - 1; i >= 0; i--)
                await DisposeAsync(Made[i]);
        }

        if (owned)
            await DisposeAsync(service);
    }

    private static ValueTask DisposeAsync(object made)
    {
        if (made is IAsyncDisposable asynchronous)
            return asynchronous.DisposeAsync();
        (made as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>Objects made for one call.</summary>
internal abstract class CallScope
{
    protected List<object>? Made { get; private set; }

    public void Own(object made) => (Made ??= []).Add(made);
}
