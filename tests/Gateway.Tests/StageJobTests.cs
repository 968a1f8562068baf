using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;

namespace Fewshot.Gateway.Tests;

public sealed class StageJobTests
{
    [Fact]
    public async Task StartStage_Profile_FillsInTheDeviceAndReportsJson()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var network = await rig.PutAsync("a network"u8.ToArray());
        var request = new StartStageRequest { RequestId = "p", Profile = new ProfileRequest { NetworkDigest = network, Runs = 3, BatchSize = 4 } };
        request.Profile.Candidates.Add(new Candidate { Name = "c", Edits = { new Edit { DropBlock = new DropBlock { Block = "layer1.1" } } } });
        var job = (await rig.Jobs.StartStageAsync(request, deadline: GatewayRig.Deadline)).Job;
        var ended = await rig.EndOfAsync(job.Id);
        Assert.Equal(("profile", JobState.Succeeded), (ended.Kind, ended.State));
        var result = ProfileResult.Parser.ParseJson(System.Text.Encoding.UTF8.GetString(await rig.GetAsync(ended.Result.ProfileDigest)));
        Assert.Equal(100 / 760.0, Assert.Single(result.Candidates).Tau, 9);
    }

    [Fact]
    public async Task StartStage_Train_HandsOutTheNetwork()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var request = new StartStageRequest
        {
            RequestId = "t",
            Train = new TrainRequest { Network = new Network { Digest = await rig.PutAsync("n"u8.ToArray()) }, ImageSetDigest = await rig.PutAsync("i"u8.ToArray()) },
        };
        var ended = await rig.EndOfAsync((await rig.Jobs.StartStageAsync(request, deadline: GatewayRig.Deadline)).Job.Id);
        Assert.Equal("trained"u8.ToArray(), await rig.GetAsync(ended.Result.ModelDigest));
    }
}
