using Fewshot.Cli.Grpc;
using Fewshot.Cli.Hosting;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Gateway.Cluster;
using Grpc.Net.Client;

namespace Fewshot.Cli.Commands;

/// <summary>A way to the services, in this process or behind a URL, and the display of what they do.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly LocalHost? host;
    private readonly GrpcChannel channel;

    private Session(SessionSettings settings, LocalHost? host, GrpcChannel channel, Uri address)
    {
        this.host = host;
        this.channel = channel;
        Settings = settings;
        Display = Screen.Progress(settings);
        Gateway = new GatewayClient(channel, address.ToString().TrimEnd('/'), Display.Note);
    }

    public SessionSettings Settings { get; }

    public GatewayClient Gateway { get; }

    public IProgressDisplay Display { get; }

    /// <summary>For a command that looks at jobs: through the gateway that has the state folder, where one runs.</summary>
    /// <exception cref="CommandException">The gateway does not answer, or the state folder cannot be used.</exception>
    public static async Task<Session> LookAsync(SessionSettings settings, CancellationToken ct) => await OpenAsync(
        settings.Gateway is null ? settings with { Gateway = await StateFolder.FindOwnerAsync(settings.State, ct) } : settings, ct);

    /// <exception cref="CommandException">The gateway does not answer, or the state folder cannot be used.</exception>
    public static async Task<Session> OpenAsync(SessionSettings settings, CancellationToken ct)
    {
        if (settings.Gateway is { } gateway)
        {
            var remote = new Session(settings, host: null, GatewayChannel.Open(gateway, settings.Access), gateway);
            await remote.Gateway.CheckReachableAsync(ct);
            return remote;
        }

        var local = await LocalHost.StartAsync(settings.State, ct);
        return new Session(settings, local, GrpcChannel.ForAddress(local.Address), local.Address);
    }

    public Task<JobSummary> RunAsync(JobRequest request, CancellationToken ct) => new JobFlow(Gateway, Display).RunAsync(request, ct);

    /// <summary>Ends the progress display, so that results can be printed.</summary>
    public ValueTask EndDisplayAsync() => Display.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await Display.DisposeAsync();
        channel.Dispose();
        if (host is not null) await host.DisposeAsync();
    }
}
