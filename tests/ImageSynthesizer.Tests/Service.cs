using Fewshot.Stages.V1;
using Fewshot.StageTests;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer.Tests;

internal static class Service
{
    public static Task<StageHost> StartedAsync() => StageHost.StartedAsync(services => services.AddImageSynthesizer(), app => app.MapImageSynthesizer());

    public static async Task<(StepInfo Step, SynthesizeResult Result)> RunAsync(StageHost host, SynthesizeRequest request)
    {
        using var call = new ImageSynthesizerService.ImageSynthesizerServiceClient(host.Channel).Synthesize(request, deadline: StageHost.Deadline);
        SynthesizeResponse? last = null;
        await foreach (var response in call.ResponseStream.ReadAllAsync())
        {
            Assert.Null(last?.Result);
            last = response;
        }

        return (last!.Step, last.Result);
    }

    public static async Task RefusedAsync(StageHost host, SynthesizeRequest request, StatusCode code, string message)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => RunAsync(host, request));
        Assert.True(error.StatusCode == code && error.Status.Detail.Contains(message, StringComparison.Ordinal), error.Status.ToString());
    }
}
