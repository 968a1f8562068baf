using Fewshot.Gateway.Grpc;

namespace Fewshot.Gateway.Cluster;

/// <summary>Says in the state folder where this gateway listens, once it does.</summary>
internal sealed class StateAnnouncement(StateFolder folder, OwnAddress own) : IHostedLifecycleService
{
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        folder.Announce(own.Url);
        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
