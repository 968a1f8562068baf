using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Reports;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Case = Fewshot.Compression.V1.StartStageRequest.StageOneofCase;
using JobResult = Fewshot.Gateway.Jobs.JobResult;

namespace Fewshot.Gateway.Grpc;

/// <summary>A single stage as a job: one step (synthesis: one for each batch of images), whose result becomes the job's report.</summary>
internal sealed class StageWorkflow(StageClients stages, Workflows.ImageSynthesis synthesis, IArtifactStore artifacts)
{
    private const string Stages = "must be one of profile, trials, finetune, evaluate, train, synthesize.";

    /// <summary>The job's kind.</summary>
    public static string KindOf(StartStageRequest request) => request.StageCase switch
    {
        Case.Profile => "profile",
        Case.Trials => "trials",
        Case.Finetune => "finetune",
        Case.Evaluate => "evaluate",
        Case.Train => "train",
        Case.Synthesize => "synthesize",
        _ => throw new InvalidFieldException("stage", Stages),
    };

    /// <summary>Checks what the gateway itself acts on; the rest is the stage's to check.</summary>
    public static void Check(StartStageRequest request)
    {
        if (request.StageCase != Case.Synthesize)
            return;
        _ = SynthesisTranslation.ToPlan(request.Synthesize.Synthesis, "synthesize.synthesis");
        if (PractiseTranslation.ToChoice(request.Synthesize.Compute, "synthesize.compute").MixedPrecision)
            throw new InvalidFieldException("synthesize.compute.mixed_precision", "must be off: images are synthesised in float32.");
    }

    /// <summary>The artifacts a stage reads, each with its field.</summary>
    public static IEnumerable<(string Digest, string Field)> InputsOf(StartStageRequest request) => request.StageCase switch
    {
        Case.Profile => [(request.Profile.NetworkDigest, "profile.network_digest")],
        Case.Trials => [(request.Trials.NetworkDigest, "trials.network_digest"), (request.Trials.ImageSetDigest, "trials.image_set_digest")],
        Case.Finetune =>
        [
            (request.Finetune.TeacherDigest, "finetune.teacher_digest"), (request.Finetune.ImageSetDigest, "finetune.image_set_digest"),
            .. request.Finetune.StartDigest.Length > 0 ? [(request.Finetune.StartDigest, "finetune.start_digest")] : Array.Empty<(string, string)>(),
        ],
        Case.Evaluate => [(request.Evaluate.Network?.Digest ?? "", "evaluate.network.digest"), (request.Evaluate.ImageSetDigest, "evaluate.image_set_digest")],
        Case.Train => [(request.Train.Network?.Digest ?? "", "train.network.digest"), (request.Train.ImageSetDigest, "train.image_set_digest")],
        Case.Synthesize => [(request.Synthesize.NetworkDigest, "synthesize.network_digest")],
        _ => throw new InvalidFieldException("stage", Stages),
    };

    public async Task<JobResult> RunAsync(StartStageRequest request, JobRun run)
    {
        switch (request.StageCase)
        {
            case Case.Profile:
                var profile = request.Profile.Clone();
                if (profile.DeviceFingerprint.Length == 0)
                    profile.DeviceFingerprint = (await stages.DescribeDeviceAsync(profile.Compute, run.Stop)).Fingerprint;
                var measured = await ReportAsync((await stages.ProfileAsync(run, "profile", profile)).Value, run);
                return new JobResult(Report: measured, Profile: measured);
            case Case.Trials:
                return new JobResult(Report: await ReportAsync((await stages.RunTrialsAsync(run, "trials", request.Trials, run.Progress, run.Stop)).Value, run));
            case Case.Finetune:
                var tuned = (await stages.FinetuneAsync(run, "finetune", request.Finetune, run.Progress, run.Stop)).Value;
                return new JobResult(tuned.NetworkDigest, await ReportAsync(tuned, run));
            case Case.Evaluate:
                return new JobResult(Report: await ReportAsync((await stages.EvaluateAsync(run, "evaluate", request.Evaluate, run.Stop)).Value, run));
            case Case.Train:
                var trained = (await stages.TrainAsync(run, "train", request.Train)).Value;
                return new JobResult(trained.NetworkDigest, await ReportAsync(trained, run));
            case Case.Synthesize:
                return await SynthesizeAsync(request.Synthesize, run);
            default:
                throw new InvalidOperationException($"A job without a stage: {request.StageCase}.");
        }
    }

    private async Task<JobResult> SynthesizeAsync(ImageSynthesisRequest request, JobRun run)
    {
        var plan = SynthesisTranslation.ToPlan(request.Synthesis, "synthesize.synthesis");
        var network = await stages.DescribeNetworkAsync(request.NetworkDigest, run.Stop);
        var made = await synthesis.RunAsync(run, "synthesize", request.NetworkDigest, plan, request.Seed, PractiseTranslation.ToChoice(request.Compute, "synthesize.compute"));
        var report = SynthesisReport.Of(network, request.NetworkDigest, plan, request.Seed, made);
        return new JobResult(Report: (await artifacts.PutBytesAsync(report, run.Stop)).ToString(), ImageSet: made.ImageSetDigest, Preview: made.PreviewDigest);
    }

    private async Task<string> ReportAsync(IMessage result, JobRun run) =>
        (await artifacts.PutBytesAsync(System.Text.Encoding.UTF8.GetBytes(result.ToReportJson()), run.Stop)).ToString();
}
