using Grpc.Core;
using Grpc.Net.Client;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Tests;

public sealed class ExternalScalerTests
{
    private static ScaledObjectRef Ref(string? stage = "block-trial", string? target = null)
    {
        var scaled = new ScaledObjectRef { Name = "block-trial", Namespace = "fewshot" };
        if (stage is not null)
            scaled.ScalerMetadata["stage"] = stage;
        if (target is not null)
            scaled.ScalerMetadata["target"] = target;
        return scaled;
    }

    [Fact]
    public async Task GetMetrics_OneTrialRunsAndTwoWait_AreThree()
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        using var active = scaler.StreamIsActive(Ref(), deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.False(active.ResponseStream.Current.Result);
        Assert.Equal(0, await DemandAsync("block-trial"));

        using var hold = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage == "trials" && entered.TrySetResult())
                Assert.True(hold.Wait(TimeSpan.FromSeconds(30)));
        };
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.True(active.ResponseStream.Current.Result);
        Assert.True((await scaler.IsActiveAsync(Ref(), deadline: GatewayRig.Deadline)).Result);
        Assert.Equal(3, await DemandAsync("block-trial"));
        Assert.Equal(0, await DemandAsync("finetuner"));
        Assert.False((await scaler.IsActiveAsync(Ref("finetuner"), deadline: GatewayRig.Deadline)).Result);

        hold.Set();
        await rig.EndOfAsync(job.Id);
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.False(active.ResponseStream.Current.Result);
        Assert.Equal(0, await DemandAsync("block-trial"));
        Assert.False((await scaler.IsActiveAsync(Ref(), deadline: GatewayRig.Deadline)).Result);

        async Task<double> DemandAsync(string stage)
        {
            var metrics = await scaler.GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = Ref(stage), MetricName = "s0-fewshot-" + stage }, deadline: GatewayRig.Deadline);
            var metric = Assert.Single(metrics.MetricValues);
            Assert.Equal(("fewshot-" + stage, metric.MetricValueFloat), (metric.MetricName, metric.MetricValue_));
            return metric.MetricValueFloat;
        }
    }

    [Fact]
    public async Task GetMetrics_MoreGroupsThanWorkers_AreTheDemand()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.TrialGroups = 5);
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        using var hold = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage == "trials" && entered.TrySetResult())
                Assert.True(hold.Wait(TimeSpan.FromSeconds(30)));
        };
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(5, (await scaler.GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = Ref() }, deadline: GatewayRig.Deadline)).MetricValues[0].MetricValueFloat);
        hold.Set();
        Assert.Equal(Compression.V1.JobState.Succeeded, (await rig.EndOfAsync(job.Id)).State);
        Assert.Equal(5, rig.Stages.RunsOf("trials"));
    }

    [Fact]
    public async Task IsActive_BetweenTwoAttempts_StaysTrue()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.RetryPause = TimeSpan.FromSeconds(20));
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        using var active = scaler.StreamIsActive(Ref("finetuner"), deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
        var calls = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnCall = stage =>
        {
            if (stage != "evaluate")
                return;
            calls.TrySetResult();
            throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        await calls.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.True(active.ResponseStream.Current.Result);
        Assert.True((await scaler.GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = Ref("finetuner") }, deadline: GatewayRig.Deadline)).MetricValues[0].MetricValueFloat >= 1);
        await rig.Jobs.CancelJobAsync(new Compression.V1.CancelJobRequest { JobId = job.Id }, deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.False(active.ResponseStream.Current.Result);
    }

    [Fact]
    public async Task IsActive_NoWorkerAnswersAQuestion_IsTrue()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.LatencyProfilers.Add("http://127.0.0.1:1"));
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        using var active = scaler.StreamIsActive(Ref("latency-profiler"), deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.False(active.ResponseStream.Current.Result);
        // The job first asks what its network is: no step, but a stage without workers has to come for it all the same.
        await rig.StartAsync("r1", await rig.SpecAsync());
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.True(active.ResponseStream.Current.Result);
    }

    [Theory]
    [InlineData(null, 1, 1)]
    [InlineData("4", 4, 4)]
    [InlineData("1.5", 2, 1.5)]
    public async Task GetMetricSpec_Target_IsTheMetadataS(string? target, long whole, double exact)
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        var expected = new MetricSpec { MetricName = "fewshot-block-trial", TargetSize = whole, TargetSizeFloat = exact };
        Assert.Equal(expected, Assert.Single((await scaler.GetMetricSpecAsync(Ref(target: target), deadline: GatewayRig.Deadline)).MetricSpecs));
        using var stream = scaler.StreamMetricSpec(Ref(target: target), deadline: GatewayRig.Deadline);
        Assert.True(await stream.ResponseStream.MoveNext(default));
        Assert.Equal(expected, Assert.Single(stream.ResponseStream.Current.MetricSpecs));
    }

    [Fact]
    public async Task Streams_GatewayStops_EndWell()
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        using var active = scaler.StreamIsActive(Ref(), deadline: GatewayRig.Deadline);
        using var spec = scaler.StreamMetricSpec(Ref(), deadline: GatewayRig.Deadline);
        Assert.True(await active.ResponseStream.MoveNext(default));
        Assert.True(await spec.ResponseStream.MoveNext(default));
        var stopped = rig.StopAsync();
        Assert.False(await active.ResponseStream.MoveNext(default));
        Assert.False(await spec.ResponseStream.MoveNext(default));
        await stopped;
    }

    [Theory]
    [InlineData(null, null, "scalerMetadata.stage: must be one of block-trial, finetuner, image-synthesizer, latency-profiler; it is missing.")]
    [InlineData("trails", null, "scalerMetadata.stage: must be one of block-trial, finetuner, image-synthesizer, latency-profiler, not 'trails'.")]
    [InlineData("finetuner", "0", "scalerMetadata.target: must be a positive number of steps for each worker, not '0'.")]
    [InlineData("finetuner", "many", "scalerMetadata.target: must be a positive number of steps for each worker, not 'many'.")]
    public async Task EveryMethod_MetadataWrong_InvalidArgumentNamesIt(string? stage, string? target, string message)
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var scaler = new ExternalScaler.ExternalScalerClient(channel);
        var scaled = Ref(stage, target);
        Func<Task>[] calls =
        [
            async () => await scaler.IsActiveAsync(scaled, deadline: GatewayRig.Deadline),
            async () => await scaler.GetMetricSpecAsync(scaled, deadline: GatewayRig.Deadline),
            async () => await scaler.GetMetricsAsync(new GetMetricsRequest { ScaledObjectRef = scaled }, deadline: GatewayRig.Deadline),
            async () => await scaler.StreamIsActive(scaled, deadline: GatewayRig.Deadline).ResponseStream.MoveNext(default),
            async () => await scaler.StreamMetricSpec(scaled, deadline: GatewayRig.Deadline).ResponseStream.MoveNext(default),
        ];
        foreach (var call in calls)
        {
            var refused = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.InvalidArgument, message), (refused.StatusCode, refused.Status.Detail));
        }
    }
}
