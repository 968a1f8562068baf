using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Grpc;
using Google.Protobuf;

namespace Fewshot.Gateway.Tenants;

/// <summary>A step that took its workers with it again and again is not given to more of them (gRPC UNAVAILABLE).</summary>
public sealed class PoisonStepException(string message) : Exception(message);

/// <summary>
/// Whether a tenant's step may have a worker. Inputs that have lost as many workers as they may get none for a while, whatever else a job
/// changes. A tenant that has used up its time gets none either.
/// </summary>
public sealed partial class StepAdmission(GrainCalls grains, TenantLimits limits, GatewayOptions options, ILogger<StepAdmission> logger)
{
    /// <summary>Workers that the same inputs may take with them.</summary>
    public const int Budget = 3;

    /// <summary>What is counted: a method and the artifacts it works on. A new seed makes another step of the same inputs.</summary>
    public static string InputsOf(string method, IMessage request)
    {
        var digests = RequestDigests.Of(request).Select(input => input.Digest).Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(' ', digests.Prepend(method)))));
    }

    /// <summary>Lets every other step pass.</summary>
    /// <returns>How many workers these inputs have lost so far.</returns>
    /// <exception cref="PoisonStepException">These are in quarantine; the message says until when, and why.</exception>
    /// <exception cref="QuotaExceededException">The tenant has used up its time.</exception>
    public async Task<int> CheckAsync(string tenant, string inputs, string step, CancellationToken ct)
    {
        var (known, used) = await grains.AskAsync<ITenantGrain, TenantStanding>(tenant, grain => grain.StandingAsync(inputs), ct);
        if (limits.Named(tenant).MaxComputeSeconds is { } most && used >= most)
        {
            throw new QuotaExceededException(
                $"This tenant has used {used:F0} seconds of workers' time within 24 hours; its limit is {most}. "
                + "What is done is kept: start the job again later.");
        }

        if (known is null || known.Count < Budget)
            return known?.Count ?? 0;
        var until = known.Until.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        throw new PoisonStepException(
            $"Step {step} lost its worker {known.Count} times and is not tried again before {until} (Gateway:PoisonQuarantine); "
            + $"last: {known.Last}");
    }

    /// <summary>Notes that a step of a tenant had a worker for some time.</summary>
    public Task SpentAsync(string tenant, TimeSpan time) => TellAsync(tenant, grain => grain.SpendAsync(time.TotalSeconds));

    /// <summary>
    /// Notes how many workers inputs have lost, 0 when one of their steps has ended well. When the budget is used up, they are in quarantine.
    /// </summary>
    public Task NoteAsync(string tenant, string inputs, int losses, string last) =>
        TellAsync(tenant, grain => grain.NoteLossesAsync(inputs, new WorkerLosses(losses, DateTimeOffset.UtcNow + options.PoisonQuarantine, last)));

    /// <summary>What cannot be noted is forgotten: it must not change how a step has ended.</summary>
    private async Task TellAsync(string tenant, Func<ITenantGrain, Task> note)
    {
        try
        {
            await grains.TellAsync(tenant, note);
        }
        catch (StoreUnavailableException e)
        {
            LogNotNoted(e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What a step has used or lost could not be noted: {Reason}")]
    private partial void LogNotNoted(string reason);
}
