using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Grpc;
using Google.Protobuf;

namespace Fewshot.Gateway.Tenants;

/// <summary>A step that took its workers with it again and again is not given to more of them (gRPC UNAVAILABLE).</summary>
public sealed class PoisonStepException(string message) : Exception(message);

/// <summary>
/// Inputs of a tenant's steps that lost all the workers they may: for a while no job of the tenant gets a worker for them, whatever else it changes.
/// </summary>
public sealed class PoisonInputs(GrainCalls grains, GatewayOptions options)
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
    public async Task<int> CheckAsync(string tenant, string inputs, string step, CancellationToken ct)
    {
        var known = await grains.AskAsync<ITenantGrain, WorkerLosses?>(tenant, grain => grain.FindLossesAsync(inputs), ct);
        if (known is null || known.Count < Budget)
            return known?.Count ?? 0;
        var until = known.Until.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        throw new PoisonStepException(
            $"Step {step} lost its worker {known.Count} times and is not tried again before {until} (Gateway:PoisonQuarantine); last: {known.Last}");
    }

    /// <summary>Notes how many workers inputs have lost, 0 when a step of theirs has come to its end; with all of the budget they are in quarantine.</summary>
    public Task NoteAsync(string tenant, string inputs, int losses, string last) => grains.TellAsync<ITenantGrain>(
        tenant, grain => grain.NoteLossesAsync(inputs, new WorkerLosses(losses, DateTimeOffset.UtcNow + options.PoisonQuarantine, last)));
}
