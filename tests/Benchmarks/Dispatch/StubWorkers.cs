using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.Benchmarks.Dispatch;

/// <summary>Any number of workers in this process: one listener, which every address of loopback reaches.</summary>
internal sealed class StubWorkers(WebApplication host, int port) : IAsyncDisposable
{
    public static async Task<StubWorkers> StartAsync(StubStages stages)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(stages);
        builder.Services.AddGrpc();
        var host = builder.Build();
        host.MapGrpcService<StubStages.Profiler>();
        host.MapGrpcService<StubStages.Trials>();
        host.MapGrpcService<StubStages.Finetuner>();
        await host.StartAsync();
        return new StubWorkers(host, new Uri(host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("[::]", "127.0.0.1").Replace("0.0.0.0", "127.0.0.1")).Port);
    }

    /// <summary>What tells a gateway of so many workers for each stage.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings(int workers, int jobs) =>
        new[] { "LatencyProfilers", "BlockTrials", "Finetuners", "ImageSynthesizers" }
            .SelectMany(stage => Enumerable.Range(0, workers).Select(worker => KeyValuePair.Create($"Gateway__{stage}__{worker}", Url(worker))))
            .Append(KeyValuePair.Create("Gateway__ConcurrentJobs", $"{jobs}"));

    /// <summary>A worker's URL; each number is another worker to the gateway.</summary>
    private string Url(int worker) => $"http://127.1.{worker / 250}.{1 + (worker % 250)}:{port}";

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        await host.DisposeAsync();
    }
}
