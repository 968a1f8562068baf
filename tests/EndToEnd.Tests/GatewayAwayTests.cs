using System.Net;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.EndToEnd;

/// <summary>What the program does when its gateway goes away for a while.</summary>
[Collection(ProgramTests.Name)]
public class GatewayAwayTests(Drawings drawings)
{
    [Fact]
    public void Compress_GatewayKilledInEveryPartOfTheCommand_GoesOn()
    {
        using var folder = new TemporaryFolder();
        using var cluster = new RunningCluster(1, "files");
        using var job = FewshotProcess.Start([.. CompressTests.Practise(drawings, folder["unused"], folder["out"], "--tau", "macs"), "--gateway", cluster.Gateway, "--json"]);
        // A step may be too short for progress.
        foreach (var step in (string[])["trials", "finetune"])
        {
            job.WaitForLine(line => line.Contains($"\"name\":\"{step}", StringComparison.Ordinal));
            cluster.Kill("gateway");
        }

        var ended = job.Wait();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("the job goes on", ended.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder["out"], "model.safetensors")));
        cluster.Stop();
    }

    [Fact]
    public async Task Jobs_GatewayAwayForAMoment_AsksAgain()
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options => options.Listen = "http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var service = new MomentarilyAway();
        builder.Services.AddSingleton(service);
        await using var gateway = builder.Build().MapFewshotDefaults();
        gateway.MapGrpcService<MomentarilyAway>();
        await gateway.StartAsync();
        var run = FewshotProcess.Run("jobs", "--gateway", gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Equal(3, service.Calls);
    }

    /// <summary>Another program listens at the address.</summary>
    [Theory]
    [InlineData(HttpProtocols.Http2, 200)]
    [InlineData(HttpProtocols.Http2, 404)]
    [InlineData(HttpProtocols.Http2, 500)]
    [InlineData(HttpProtocols.Http1, 200)]
    public async Task Jobs_AddressOfNoGateway_SaysSo(HttpProtocols protocols, int status)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        await using var other = builder.Build();
        other.Run(context =>
        {
            (context.Response.StatusCode, context.Response.ContentType) = (status, "text/html");
            return context.Response.WriteAsync("<html>");
        });
        await other.StartAsync();
        var run = FewshotProcess.Run("jobs", "--gateway", other.Urls.First());
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("no fewshot gateway answers at", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", run.Error, StringComparison.Ordinal);
    }

    /// <summary>Does not answer the second call, as if another gateway took over then.</summary>
    private sealed class MomentarilyAway : CompressionService.CompressionServiceBase
    {
        public int Calls { get; private set; }

        public override Task<ListJobsResponse> ListJobs(ListJobsRequest request, ServerCallContext context) =>
            ++Calls == 2 ? throw new RpcException(new Status(StatusCode.Unavailable, "Stopping.")) : Task.FromResult(new ListJobsResponse());
    }
}
