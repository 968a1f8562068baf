using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Case = Fewshot.Compression.V1.StartStageRequest.StageOneofCase;
using JobResult = Fewshot.Gateway.Jobs.JobResult;

namespace Fewshot.Gateway.Grpc;

/// <summary>A single stage as a job: one step, whose result becomes the job's report.</summary>
internal sealed class StageWorkflow(StageClients stages, IArtifactStore artifacts)
{
    /// <summary>The job's kind.</summary>
    public static string KindOf(StartStageRequest request) => request.StageCase switch
    {
        Case.Profile => "profile",
        Case.Trials => "trials",
        Case.Finetune => "finetune",
        Case.Evaluate => "evaluate",
        Case.Train => "train",
        _ => throw new InvalidFieldException("stage", "must be one of profile, trials, finetune, evaluate, train."),
    };

    /// <summary>The artifacts a stage reads, each with its field.</summary>
    public static IEnumerable<(string Digest, string Field)> InputsOf(StartStageRequest request) => request.StageCase switch
    {
        Case.Profile => [(request.Profile.NetworkDigest, "profile.network_digest")],
        Case.Trials => [(request.Trials.NetworkDigest, "trials.network_digest"), (request.Trials.ImageSetDigest, "trials.image_set_digest")],
        Case.Finetune => [(request.Finetune.TeacherDigest, "finetune.teacher_digest"), (request.Finetune.ImageSetDigest, "finetune.image_set_digest")],
        Case.Evaluate => [(request.Evaluate.Network?.Digest ?? "", "evaluate.network.digest"), (request.Evaluate.ImageSetDigest, "evaluate.image_set_digest")],
        Case.Train => [(request.Train.Network?.Digest ?? "", "train.network.digest"), (request.Train.ImageSetDigest, "train.image_set_digest")],
        _ => throw new InvalidFieldException("stage", "must be one of profile, trials, finetune, evaluate, train."),
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
            default:
                throw new InvalidOperationException($"A job without a stage: {request.StageCase}.");
        }
    }

    private async Task<string> ReportAsync(IMessage result, JobRun run) =>
        (await artifacts.PutBytesAsync(System.Text.Encoding.UTF8.GetBytes(result.ToReportJson()), run.Stop)).ToString();
}
