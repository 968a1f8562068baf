using Fewshot.Compression.V1;
using Fewshot.Stages.V1;
using Google.Protobuf.WellKnownTypes;

namespace Fewshot.Gateway.Grpc;

/// <summary>Jobs and their events in the contract's terms.</summary>
internal static class JobTranslation
{
    public static Job ToProto(this Jobs.JobView view) => view.Job.ToProto(view.LastSequence);

    public static Job ToProto(this Jobs.JobRecord job, long lastSequence)
    {
        var proto = new Job
        {
            Id = job.Id,
            RequestId = job.RequestId,
            Kind = job.Kind,
            State = (JobState)((int)job.State + 1),
            CreateTime = Timestamp.FromDateTimeOffset(job.CreateTime),
            EndTime = job.EndTime is { } end ? Timestamp.FromDateTimeOffset(end) : null,
            StatusMessage = job.StatusMessage,
            StatusCode = job.StatusCode,
            LastSequence = lastSequence,
        };
        if (job.Result is { } result)
        {
            proto.Result = new JobResult
            {
                ModelDigest = result.Model ?? "",
                ReportDigest = result.Report ?? "",
                ProfileDigest = result.Profile ?? "",
                ImageSetDigest = result.ImageSet ?? "",
                PreviewDigest = result.Preview ?? "",
                Models = { (result.Models ?? []).Select(model => new ModelResult { MacsRatio = model.MacsRatio, ModelDigest = model.Model }) },
            };
        }

        return proto;
    }

    public static WatchJobResponse ToProto(this Jobs.JobEvent e)
    {
        var proto = new WatchJobResponse { Sequence = e.Sequence, Time = Timestamp.FromDateTimeOffset(e.Time) };
        if (e.Progress is { } progress)
            proto.Progress = ToProto(progress);
        else if (e.Step is { } step)
            proto.Step = new StepEvent { Name = step.Name, Key = step.Key, Done = step.Done, Cached = step.Cached, Seconds = step.Seconds };
        else if (e.Job is { } job)
            proto.Job = job.ToProto(e.Sequence);
        return proto;
    }

    private static Progress ToProto(Jobs.ProgressNote note) => new()
    {
        Stage = note.Stage,
        Completed = note.Completed,
        Total = note.Total,
        MetricName = note.MetricName,
        Metric = note.Metric,
        // Beyond ten thousand years a duration does not fit; nobody waits that long.
        Eta = note.EtaSeconds is { } eta and >= 0 and < 3e11 ? Duration.FromTimeSpan(TimeSpan.FromSeconds(eta)) : null,
    };
}
