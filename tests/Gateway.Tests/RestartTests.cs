using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fewshot.Gateway.Tests;

public sealed class RestartTests
{
    [Fact]
    public async Task Gateway_Restarted_ContinuesTheJobFromItsFinishedSteps()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var entered = rig.Stages.HoldAsync("finetune");
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered;
        await rig.StopAsync();

        rig.Stages.OnRun = (_, _) => { };
        // The trials stay grouped as they were, however many workers there are now.
        await rig.StartAsync(options => options.TrialGroups = 5);
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
        Assert.Equal((3, 2), (rig.Stages.RunsOf("trials"), rig.Stages.RunsOf("finetune")));
        var events = await rig.WatchAsync(id);
        Assert.Equal(Enumerable.Range(1, events.Count).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.Contains(events, e => e.Step is { Name: "trials/2", Cached: true });
    }

    [Fact]
    public async Task Gateway_CallIsStoppedBeforeItsJob_HandsTheJobBack()
    {
        using var hold = new ManualResetEventSlim();
        var left = new HeardLog("is handed back", " ended: ");
        await using var rig = new GatewayRig();
        rig.Replace = services => services.AddSingleton<ILoggerProvider>(left);
        await rig.StartAsync();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var described = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var go = new ManualResetEventSlim();
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage != "finetune")
                return;
            entered.TrySetResult();
            go.Wait();
        };
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered.Task;
        // Callbacks run newest first: the call that describes the result, then the one registered below, and the running job's last.
        rig.Stages.OnCall = call =>
        {
            if (call == "describe" && described.TrySetResult())
                hold.Wait();
        };
        var lifetime = rig.Services.GetRequiredService<IHostApplicationLifetime>();
        using (lifetime.ApplicationStopping.Register(() => left.Heard.Wait(TimeSpan.FromSeconds(30))))
        {
            go.Set();
            await described.Task;
            lifetime.StopApplication();
        }

        hold.Set();
        await rig.StopAsync();
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
    }

    [Fact]
    public async Task StartCompression_WhileTheGatewayStops_IsSentToAnotherOne()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var lifetime = rig.Services.GetRequiredService<IHostApplicationLifetime>();
        RpcException? refused = null;
        // The server still answers while this runs.
        using (lifetime.ApplicationStopping.Register(() => refused = Assert.Throws<RpcException>(() => rig.StartAsync("r1", spec).GetAwaiter().GetResult())))
            lifetime.StopApplication();
        Assert.Equal(StatusCode.Unavailable, refused!.StatusCode);
        Assert.Contains(refused.Trailers, trailer => trailer.Key == ErrorTranslator.RetryAfterTrailer);
        await rig.StopAsync();

        await rig.StartAsync();
        Assert.Empty((await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs);
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
    }

    [Fact]
    public async Task Gateway_ThatDoesNotReclaim_ContinuesAJobWhenItIsStartedAgain()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ReclaimJobs = false);
        var entered = rig.Stages.HoldAsync("trials");
        var spec = await rig.SpecAsync();
        var id = (await rig.StartAsync("r1", spec)).Id;
        await entered;
        await rig.StopAsync();

        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync(options => options.ReclaimJobs = false);
        Assert.Equal(JobState.Running, (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id }, deadline: GatewayRig.Deadline)).Job.State);
        Assert.Equal(id, (await rig.StartAsync("r1", spec)).Id);
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(id)).State);
    }

    [Fact]
    public async Task CancelJob_LeftBehindByADeadGateway_IsCancelled()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ReclaimJobs = false);
        var entered = rig.Stages.HoldAsync();
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered;
        await rig.StopAsync();
        await rig.StartAsync(options => options.ReclaimJobs = false);
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        Assert.Equal(JobState.Cancelled, (await rig.EndOfAsync(id)).State);
    }

    /// <summary>Waits for a log line that contains one of these texts.</summary>
    private sealed class HeardLog(params string[] wanted) : ILoggerProvider, ILogger
    {
        private readonly TaskCompletionSource heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Heard => heard.Task;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (wanted.Any(formatter(state, exception).Contains))
                heard.TrySetResult();
        }

        public void Dispose()
        {
        }
    }
}
