using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// One trace for each job, through every service and every gateway that works on it: its id follows from the job's, so that a gateway that
/// takes a job over goes on with the trace, and whoever knows the job finds it.
/// </summary>
public static class JobTrace
{
    /// <summary>The id of a job's trace.</summary>
    public static ActivityTraceId IdOf(string job) => ActivityTraceId.CreateFromBytes(Hash(job).AsSpan(0, 16));

    /// <summary>Begins a span of the job; it names the call that submitted the job, where that is this very call. Null where nobody listens.</summary>
    public static Activity? Start(string job, string kind)
    {
        var root = new ActivityContext(IdOf(job), ActivitySpanId.CreateFromBytes(Hash(job).AsSpan(16, 8)), ActivityTraceFlags.Recorded, isRemote: true);
        ActivityLink[] submitted = Activity.Current is { } caller ? [new ActivityLink(caller.Context)] : [];
        return Telemetry.Source.StartActivity(ActivityKind.Internal, root, [new("fewshot.job.id", job), new("fewshot.job.kind", kind)], submitted, name: $"job {kind}");
    }

    private static byte[] Hash(string job) => SHA256.HashData(Encoding.UTF8.GetBytes(job));
}
