using System.Text;
using Fewshot.Artifacts;
using Fewshot.ServiceDefaults;
using Fewshot.Synthesis.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>Images as numbers: a set is the list of its images' numbers, one a line, and the teacher misses the intended class of every fifth.</summary>
internal sealed class FakeSynthesizer(FakeStages stages, StepRunner steps, IArtifactStore artifacts, FewshotOptions options) : ImageSynthesizerService.ImageSynthesizerServiceBase
{
    public override Task Synthesize(SynthesizeRequest request, IServerStreamWriter<SynthesizeResponse> responseStream, ServerCallContext context)
    {
        stages.OnCall("synthesize");
        var numbers = Enumerable.Range(request.FirstImage, request.Images).ToArray();
        return steps.ServeAsync(
            StageSteps.Synthesize, request,
            step => stages.Run("synthesize", step, () => new SynthesizeResult
            {
                ImageSetDigest = step.Store(stream => stream.Write(Encoding.ASCII.GetBytes(string.Concat(numbers.Select(number => $"{request.Seed}:{number}\n"))))).ToString(),
                Images = request.Images,
                TeacherTop1 = numbers.Count(number => number % 5 != 0) / (double)numbers.Length,
                Method = request.Method == SynthesisMethod.Unspecified ? SynthesisMethod.Deepdream : request.Method,
            }),
            (info, progress, result) => progress is null ? new SynthesizeResponse { Step = info, Result = result } : new SynthesizeResponse { Step = info, Progress = progress },
            responseStream, options, context);
    }

    public override async Task<JoinSetsResponse> JoinSets(JoinSetsRequest request, ServerCallContext context)
    {
        var all = new StringBuilder();
        foreach (var digest in request.ImageSetDigests)
            all.Append(Encoding.ASCII.GetString(await artifacts.ReadBytesAsync(Digest.Parse(digest))));
        return new JoinSetsResponse
        {
            ImageSetDigest = (await artifacts.PutBytesAsync(Encoding.ASCII.GetBytes(all.ToString()))).ToString(),
            PreviewDigest = (await artifacts.PutBytesAsync(Encoding.ASCII.GetBytes("preview of " + all.ToString()))).ToString(),
            Images = all.ToString().Count(c => c == '\n'),
        };
    }
}
