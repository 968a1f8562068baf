using System.Net;
using System.Net.Sockets;
using Fewshot.BlockTrial;
using Fewshot.Finetuner;
using Fewshot.Gateway;
using Fewshot.Gateway.Cluster;
using Fewshot.ImageSynthesizer;
using Fewshot.LatencyProfiler;
using Fewshot.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fewshot.Cli.Hosting;

/// <summary>All five services in this process, on one port, over one state folder.</summary>
internal sealed class LocalHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private LocalHost(WebApplication app)
    {
        this.app = app;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public Uri Address { get; }

    /// <summary>For one command: a free loopback port, logs to a file, and no other command's unfinished jobs.</summary>
    /// <exception cref="CommandException">The state folder cannot be used.</exception>
    public static async Task<LocalHost> StartAsync(string state, CancellationToken ct)
    {
        var wanted = new FewshotOptions { Listen = "http://127.0.0.1:0" };
        // Where another gateway has the folder, the job is this command's alone; finished steps are shared all the same.
        var taken = await StateFolder.FindOwnerAsync(state, ct) is not null;
        try
        {
            return await StartAsync(state, wanted, reclaimJobs: false, inMemory: taken, ct);
        }
        catch (StateFolderTakenException)
        {
            // Taken a moment ago.
            return await StartAsync(state, wanted, reclaimJobs: false, inMemory: true, ct);
        }
    }

    /// <summary>For other processes: a fixed address, logs to the terminal, and every unfinished job of the state folder is continued.</summary>
    /// <exception cref="CommandException">The address is refused or taken, or the state folder cannot be used.</exception>
    public static Task<LocalHost> ServeAsync(string state, FewshotOptions wanted, CancellationToken ct) =>
        StartAsync(state, wanted, reclaimJobs: true, inMemory: false, ct);

    /// <summary>Until the token ends it or the host stops by itself.</summary>
    public Task WaitAsync(CancellationToken ct) => app.WaitForShutdownAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static async Task<LocalHost> StartAsync(string state, FewshotOptions wanted, bool reclaimJobs, bool inMemory, CancellationToken ct)
    {
        Output.AtomicOutput.CheckState(state);
        WebApplication? host = null;
        try
        {
            host = Build(state, wanted, reclaimJobs, inMemory);
            await host.StartAsync(ct);
            return new LocalHost(host);
        }
        catch (Exception exception)
        {
            if (host is not null) await host.DisposeAsync();
            throw exception switch
            {
                StateFolderTakenException when !reclaimJobs => exception,
                HostOptionsException => CommandException.BadInput(InOptions(exception.Message), exception),
                IOException when FewshotHost.IsAddressInUse(exception) => new CommandException(
                    ExitCodes.Unavailable, $"--listen: {wanted.Listen} is in use by another program; choose another port", exception),
                _ => exception,
            };
        }
    }

    /// <summary>Says the options of 'serve' for the settings that have one; others name themselves.</summary>
    private static string InOptions(string message)
    {
        var told = message.Replace("Fewshot:CertificateKey", "--certificate-key", StringComparison.Ordinal).Replace("Fewshot:Certificate", "--certificate", StringComparison.Ordinal)
            .Replace("Fewshot:Tokens", "--tokens", StringComparison.Ordinal).Replace("Fewshot:ClientAuthority", "--client-authority", StringComparison.Ordinal)
            .Replace("Fewshot:Insecure", "--insecure", StringComparison.Ordinal)
            .Replace("Fewshot:StateFolder", "--state", StringComparison.Ordinal);
        return told.StartsWith("--", StringComparison.Ordinal) || told.StartsWith(FewshotOptions.Section + ":", StringComparison.Ordinal) ? told : $"--listen: {told}";
    }

    private static WebApplication Build(string state, FewshotOptions wanted, bool reclaimJobs, bool inMemory)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.AddFewshotDefaults(options =>
        {
            options.StateFolder = state;
            options.Listen = wanted.Listen;
            options.Certificate = wanted.Certificate;
            options.CertificateKey = wanted.CertificateKey;
            // A command's own services are for that command, whatever the variables of others say.
            options.Tokens = wanted.Tokens ?? (reclaimJobs ? options.Tokens : null);
            options.ClientAuthority = wanted.ClientAuthority ?? (reclaimJobs ? options.ClientAuthority : null);
            options.Insecure |= wanted.Insecure;
        });
        // Signals belong to the command line.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        if (!reclaimJobs)
        {
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(new FileLog(Path.Combine(state, "fewshot.log")));
        }

        builder.AddGateway(options => (options.ReclaimJobs, options.JobsInMemory) = (reclaimJobs, inMemory));
        builder.Services.AddLatencyProfiler();
        builder.Services.AddBlockTrial();
        builder.Services.AddFinetuner();
        builder.Services.AddImageSynthesizer();
        var host = builder.Build();
        host.MapFewshotDefaults();
        host.MapGateway();
        host.MapLatencyProfiler();
        host.MapBlockTrial();
        host.MapFinetuner();
        host.MapImageSynthesizer();
        return host;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
