using System.Text.Json;

namespace Fewshot.Cli.Output;

/// <summary>One JSON object a line, for machines.</summary>
internal sealed class JsonProgress(TextWriter output) : IProgressDisplay
{
    public void Note(string text) => Write(json => json.WriteString("note", text));

    public void Show(JobEvent happened) => Write(json =>
    {
        json.WriteNumber("sequence", happened.Sequence);
        switch (happened)
        {
            case ProgressEvent progress:
                json.WriteString("event", "progress");
                json.WriteString("stage", progress.Stage);
                json.WriteNumber("completed", progress.Completed);
                json.WriteNumber("total", progress.Total);
                if (progress.MetricName.Length > 0 && double.IsFinite(progress.Metric))
                {
                    json.WriteString("metric_name", progress.MetricName);
                    json.WriteNumber("metric", progress.Metric);
                }

                if (progress.Eta is { } eta) json.WriteNumber("eta_seconds", Math.Round(eta.TotalSeconds, 1));
                break;
            case StepNews step:
                json.WriteString("event", "step");
                json.WriteString("name", step.Name);
                json.WriteString("key", step.Key);
                json.WriteBoolean("done", step.Done);
                json.WriteBoolean("cached", step.Cached);
                json.WriteNumber("seconds", step.Seconds);
                break;
            case StateNews state:
                json.WriteString("event", "state");
                JobJson.Write(json, state.Job);
                break;
        }
    });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Write(Action<Utf8JsonWriter> write) => output.WriteLine(JobJson.Line(write));
}

internal static class JobJson
{
    /// <summary>Quotes stay readable: nothing here goes into HTML.</summary>
    private static readonly JsonWriterOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Line(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Readable))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    public static void Write(Utf8JsonWriter json, JobSummary job)
    {
        json.WriteString("job_id", job.Id);
        json.WriteString("request_id", job.RequestId);
        json.WriteString("kind", job.Kind);
        json.WriteString("state", job.Phase.ToString().ToLowerInvariant());
        if (job.Created is { } created) json.WriteString("created", created);
        if (job.Ended is { } ended) json.WriteString("ended", ended);
        if (job.Message.Length > 0) json.WriteString("message", job.Message);
        if (job.ModelDigest.Length > 0) json.WriteString("model_digest", job.ModelDigest);
        if (job.ReportDigest.Length > 0) json.WriteString("report_digest", job.ReportDigest);
        if (job.ProfileDigest.Length > 0) json.WriteString("profile_digest", job.ProfileDigest);
        if (job.ImageSetDigest.Length > 0) json.WriteString("image_set_digest", job.ImageSetDigest);
        if (job.PreviewDigest.Length > 0) json.WriteString("preview_digest", job.PreviewDigest);
        if (job.Models.Count == 0) return;
        json.WriteStartArray("models");
        foreach (var model in job.Models)
        {
            json.WriteStartObject();
            json.WriteNumber("macs_ratio", model.MacsRatio);
            json.WriteString("model_digest", model.Digest);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
