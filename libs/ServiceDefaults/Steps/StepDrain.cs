using Microsoft.Extensions.Hosting;

namespace Fewshot.ServiceDefaults;

/// <summary>Ends the steps when the host stops. Before the server stops, because it waits for the calls that wait for the steps.</summary>
internal sealed class StepDrain(StepRunner steps) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => steps.DrainAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
