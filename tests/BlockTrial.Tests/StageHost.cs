using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.StageTests;

/// <summary>One stage service on a real Kestrel over real files, with a small random network and a few drawn images at hand.</summary>
internal sealed class StageHost : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-stage-").FullName;
    private readonly WebApplication app;

    private StageHost(Action<IServiceCollection> add, Action<WebApplication> map)
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options =>
        {
            options.StateFolder = folder;
            options.Listen = "http://127.0.0.1:0";
            options.ProgressInterval = TimeSpan.FromMilliseconds(1);
        });
        builder.Logging.ClearProviders();
        add(builder.Services);
        app = builder.Build().MapFewshotDefaults();
        map(app);
    }

    public GrpcChannel Channel { get; private set; } = null!;

    public string Address { get; private set; } = "";

    public static DateTime Deadline => DateTime.UtcNow.AddSeconds(120);

    public static async Task<StageHost> StartedAsync(Action<IServiceCollection> add, Action<WebApplication> map)
    {
        var host = new StageHost(add, map);
        await host.app.StartAsync();
        host.Address = host.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        host.Channel = GrpcChannel.ForAddress(host.Address);
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Stores what the callback writes.</summary>
    public async Task<string> PutAsync(Action<Stream> write)
    {
        using var content = new MemoryStream();
        write(content);
        return (await app.Services.GetRequiredService<IArtifactStore>().PutBytesAsync(content.ToArray())).ToString();
    }

    /// <summary>A verified file with an artifact's content.</summary>
    public Task<string> FileAsync(string digest) => app.Services.GetRequiredService<IArtifactStore>().MaterializeAsync(Digest.Parse(digest));

    /// <summary>A CIFAR ResNet-20 for four classes with the weights its seed gives; one of them NaN where asked.</summary>
    public Task<string> NetworkAsync(bool broken = false) => PutAsync(stream =>
    {
        using var network = ModelCatalog.Build(new NetworkSpec("cifar_resnet20", 4, Preprocessing.Cifar, []), seed: 7);
        if (broken)
        {
            using var _ = TorchSharp.torch.no_grad();
            network.State().First().Value.fill_(float.NaN);
        }

        Checkpoint.Save(network, stream);
    });

    /// <summary>A vision transformer of three small blocks for four classes.</summary>
    public Task<string> TransformerAsync() => PutAsync(stream =>
    {
        using var network = ModelCatalog.Build(ModelCatalog.Find("vit_d24_l3_h4_m40_p8").Spec(4), seed: 7);
        Checkpoint.Save(network, stream);
    });

    /// <summary>Images of coloured noise, the same every time.</summary>
    /// <param name="hostile">Adds an image that claims to be 1 x 50,000,000 pixels, and one that is no image.</param>
    public Task<string> ImagesAsync(int count, bool labeled = false, bool broken = false, bool hostile = false) => PutAsync(stream =>
    {
        var random = new Random(count);
        var entries = Enumerable.Range(0, count).Select(i =>
        {
            var pixels = new byte[32 * 32 * 3];
            random.NextBytes(pixels);
            return new ImageSetEntry($"{i}.png", broken ? [1, 2, 3] : PngEncoder.Encode(new Image(32, 32, 3, pixels)), labeled ? i % 4 : null);
        }).ToList();
        if (hostile)
        {
            byte[] size = [1, 0, 0, 0, .. BitConverter.GetBytes(50_000_000)];
            byte[] bitmap = [.. "BM"u8, .. new byte[8], 54, 0, 0, 0, 40, 0, 0, 0, .. size, 1, 0, 24, 0, .. new byte[24]];
            entries.Insert(0, new ImageSetEntry("long.bmp", bitmap, labeled ? 0 : null));
            entries.Add(new ImageSetEntry("none.png", [1, 2, 3], labeled ? 0 : null));
        }

        ImageSetFile.Write(stream, new ImageSet([.. entries], labeled ? 4 : null));
    });
}
