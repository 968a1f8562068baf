using System.Net.Sockets;
using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using static Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class HealthTests : IDisposable
{
    private readonly StateFolder state = new();

    private static DateTime Deadline => DateTime.UtcNow.AddSeconds(30);

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task Check_StoresDoNotAnswer_IsNotReadyButAlive()
    {
        var (stores, time) = (new FlakyNames(), new SetTime());
        await using var host = await StartAsync(services => services.AddSingleton<IArtifactNames>(stores).AddSingleton<TimeProvider>(time));
        Assert.Equal((Serving, Serving), await host.AskAsync());
        stores.Broken = true;
        time.Now += TimeSpan.FromSeconds(5);
        Assert.Equal((Serving, NotServing), await host.AskAsync());
        stores.Broken = false;
        time.Now += TimeSpan.FromSeconds(5);
        Assert.Equal((Serving, Serving), await host.AskAsync());
    }

    [Fact]
    public async Task Check_AskedOftenByManyAtOnce_AsksTheStoresOnceInFiveSeconds()
    {
        var (stores, time) = (new FlakyNames(), new SetTime());
        await using var host = await StartAsync(services => services.AddSingleton<IArtifactNames>(stores).AddSingleton<TimeProvider>(time));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => host.AskAsync()));
        time.Now += TimeSpan.FromSeconds(4.9);
        await host.AskAsync();
        Assert.Equal(1, stores.Asked);
        time.Now += TimeSpan.FromSeconds(0.1);
        await host.AskAsync();
        Assert.Equal(2, stores.Asked);
    }

    [Fact]
    public async Task Check_StepRuns_IsReadyAndAlive()
    {
        await using var host = await StartAsync();
        using var hold = new Hold();
        var running = host.RunAsync(hold);
        await hold.Entered;
        Assert.Equal((Serving, Serving), await host.AskAsync());
        hold.Release();
        await running;
    }

    [Fact]
    public async Task Check_Draining_IsNotReadyButAliveUntilTheStepHasEnded()
    {
        await using var host = await StartAsync();
        using var hold = new Hold();
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = host.RunAsync(hold, stopping: left.Task);
        await hold.Entered;
        // As on SIGTERM.
        host.App.Lifetime.StopApplication();
        var stopped = host.App.StopAsync();
        Assert.Equal((Serving, NotServing), await host.AskAsync());
        // What comes now is sent to another worker.
        var refused = await Assert.ThrowsAsync<RetryLaterException>(() => host.RunAsync(hold, request: "another"));
        Assert.True(refused.Stopping);
        left.SetResult();
        Assert.True((await Assert.ThrowsAsync<RetryLaterException>(() => running)).Stopping);
        await stopped;
    }

    [Fact]
    public async Task Watch_HostStops_EndsWithNotServing()
    {
        await using var host = await StartAsync();
        using var watch = new Health.HealthClient(host.Health).Watch(new HealthCheckRequest { Service = "readiness" }, deadline: Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(default));
        Assert.Equal(Serving, watch.ResponseStream.Current.Status);
        host.App.Lifetime.StopApplication();
        var last = Serving;
        while (await watch.ResponseStream.MoveNext(default))
            last = watch.ResponseStream.Current.Status;
        Assert.Equal(NotServing, last);
    }

    [Fact]
    public async Task Watch_MoreThanAHundred_AreRefusedUntilOneEnds()
    {
        await using var host = await StartAsync();
        var watches = new List<AsyncServerStreamingCall<HealthCheckResponse>>();
        AsyncServerStreamingCall<HealthCheckResponse> Watch(GrpcChannel channel) =>
            new Health.HealthClient(channel).Watch(new HealthCheckRequest(), deadline: Deadline);
        // Over two connections, because one has a limit of streams of its own.
        for (var i = 0; i < 100; i++)
        {
            watches.Add(Watch(i % 2 == 0 ? host.Main : host.Health));
            Assert.True(await watches[^1].ResponseStream.MoveNext(default));
        }

        using (var refused = Watch(host.Main))
        {
            var error = await Assert.ThrowsAsync<RpcException>(() => refused.ResponseStream.MoveNext(default));
            Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
            Assert.Contains("100 calls without credentials", error.Status.Detail, StringComparison.Ordinal);
        }

        // The limit does not affect callers that are known.
        await new StepService.StepServiceClient(host.Main).CancelStepAsync(
            new CancelStepRequest { StepKey = new string('a', 64) }, deadline: Deadline);
        watches.ForEach(watch => watch.Dispose());
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            using var again = Watch(host.Main);
            try
            {
                Assert.True(await again.ResponseStream.MoveNext(patience.Token));
                break;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                await Task.Delay(20, patience.Token);
            }
        }
    }

    [Fact]
    public async Task Check_UnknownName_IsNotFound()
    {
        await using var host = await StartAsync();
        var refused = await Assert.ThrowsAsync<RpcException>(
            () => new Health.HealthClient(host.Health).CheckAsync(new HealthCheckRequest { Service = "nothing" }, deadline: Deadline).ResponseAsync);
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task HealthPort_OtherServices_AreNotServedThere()
    {
        await using var host = await StartAsync();
        var steps = new StepService.StepServiceClient(host.Health);
        var refused = await Assert.ThrowsAsync<RpcException>(() => steps.CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) }, deadline: Deadline).ResponseAsync);
        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
        Assert.False((await new StepService.StepServiceClient(host.Main).CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) }, deadline: Deadline)).Running);
        // The name that the caller gives the host makes no difference.
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync("127.0.0.1", new Uri(host.HealthAddress).Port, ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var disguised = GrpcChannel.ForAddress(host.MainAddress, new GrpcChannelOptions { HttpHandler = handler });
        refused = await Assert.ThrowsAsync<RpcException>(
            () => new StepService.StepServiceClient(disguised).CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) }, deadline: Deadline).ResponseAsync);
        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
    }

    [Theory]
    [InlineData("https://127.0.0.1:1", "HealthListen")]
    [InlineData("127.0.0.1:1", "HealthListen")]
    [InlineData("http://somewhere.example:1", "IP address")]
    public void HealthListen_Refused_SaysWhy(string listen, string why) => Assert.Contains(
        why, Assert.Throws<HostOptionsException>(() => ListenAddress.HealthFrom(new FewshotOptions { HealthListen = listen })).Message, StringComparison.Ordinal);

    [Fact]
    public void HealthListen_AnyAddress_NeedsNoTls()
    {
        Assert.Equal(5211, ListenAddress.HealthFrom(new FewshotOptions { HealthListen = "http://0.0.0.0:5211" })!.Port);
        Assert.Null(ListenAddress.HealthFrom(new FewshotOptions()));
    }

    private async Task<TestHost> StartAsync(Action<IServiceCollection>? configure = null)
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(
            options => (options.StateFolder, options.Listen, options.HealthListen) = (state.Path, "http://127.0.0.1:0", "http://127.0.0.1:0"));
        builder.Logging.ClearProviders();
        configure?.Invoke(builder.Services);
        var app = builder.Build().MapFewshotDefaults();
        await app.StartAsync();
        return new TestHost(app);
    }

    private sealed class TestHost : IAsyncDisposable
    {
        public TestHost(WebApplication app)
        {
            App = app;
            var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
            (MainAddress, HealthAddress) = (addresses[0], addresses[1]);
            (Main, Health) = (GrpcChannel.ForAddress(MainAddress), GrpcChannel.ForAddress(HealthAddress));
        }

        public WebApplication App { get; }

        public string MainAddress { get; }

        public string HealthAddress { get; }

        public GrpcChannel Main { get; }

        public GrpcChannel Health { get; }

        public async Task<(HealthCheckResponse.Types.ServingStatus Liveness, HealthCheckResponse.Types.ServingStatus Readiness)> AskAsync()
        {
            var client = new Health.HealthClient(Health);
            var (alive, ready) = (client.CheckAsync(new HealthCheckRequest { Service = "liveness" }, deadline: Deadline), client.CheckAsync(new HealthCheckRequest { Service = "readiness" }, deadline: Deadline));
            return ((await alive).Status, (await ready).Status);
        }

        public Task<StepOutcome<CancelStepResponse>> RunAsync(Hold hold, Task? stopping = null, string request = "request") =>
            App.Services.GetRequiredService<StepRunner>().RunAsync(
                new StepDefinition("/test/Step", 1, "test"), new CancelStepRequest { StepKey = request },
                context =>
                {
                    try
                    {
                        hold.Wait(context.Stop);
                    }
                    catch (OperationCanceledException)
                    {
                        stopping?.Wait();
                        throw;
                    }

                    return new CancelStepResponse();
                },
                new Listener(), CancellationToken.None);

        public async ValueTask DisposeAsync()
        {
            Main.Dispose();
            Health.Dispose();
            await App.StopAsync();
            await App.DisposeAsync();
        }
    }

    private sealed class SetTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    private sealed class FlakyNames : IArtifactNames
    {
        private int asked;

        public bool Broken { get; set; }

        public int Asked => asked;

        public Task<Digest?> FindAsync(string name, CancellationToken ct = default)
        {
            Interlocked.Increment(ref asked);
            return Broken ? throw new IOException("no connection") : Task.FromResult<Digest?>(null);
        }

        public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => Task.CompletedTask;

        public Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default) => Task.FromResult(digest);

        public Task RemoveAsync(string name, CancellationToken ct = default) => Task.CompletedTask;

        public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default) => Task.CompletedTask;

        public IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default) =>
            AsyncEnumerable.Empty<(string Name, Digest Digest)>();
    }
}
