using System.Collections.Concurrent;
using Fewshot.Gateway.Cluster;
using Orleans.Runtime;

namespace Fewshot.Gateway.Queues;

/// <summary>The queues that this gateway has joined.</summary>
public sealed class PlaceQueues(GrainCalls calls, ILocalSiloDetails silo, ILogger<PlaceQueue> logger) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<PlaceQueue>> queues = new(StringComparer.Ordinal);

    /// <summary>This gateway's name, which no other has, nor itself when it starts again.</summary>
    public string Gateway { get; } = silo.SiloAddress.ToString();

    /// <summary>A queue by its name.</summary>
    public PlaceQueue Of(string name) =>
        queues.GetOrAdd(name, _ => new Lazy<PlaceQueue>(() => new PlaceQueue(calls, name, Gateway, logger))).Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var queue in queues.Values)
            queue.Value.Dispose();
    }
}
