using System.Collections.Concurrent;
using System.Globalization;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Grpc;

/// <summary>A step that took its workers with it again and again is not given to more of them (gRPC UNAVAILABLE).</summary>
public sealed class PoisonStepException(string message) : Exception(message);

/// <summary>Steps that lost all the workers they may: for a while, no job may start one of them.</summary>
public sealed class PoisonSteps(TimeSpan quarantine, TimeProvider time)
{
    private readonly ConcurrentDictionary<StepKey, (DateTimeOffset Until, int Losses, string Last)> known = new();

    /// <summary>Puts a step into quarantine.</summary>
    /// <param name="key">Which one.</param>
    /// <param name="losses">How many workers it lost.</param>
    /// <param name="last">What the last one was lost with.</param>
    public void Add(StepKey key, int losses, string last)
    {
        var now = time.GetUtcNow();
        foreach (var over in known.Where(one => one.Value.Until <= now))
            known.TryRemove(over);
        known[key] = (now + quarantine, losses, last);
    }

    /// <summary>Lets every other step pass.</summary>
    /// <exception cref="PoisonStepException">This one is in quarantine; the message says until when, and why.</exception>
    public void Check(StepKey key, string name)
    {
        if (!known.TryGetValue(key, out var found) || found.Until <= time.GetUtcNow())
            return;
        var until = found.Until.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        throw new PoisonStepException(
            $"Step {name} lost its worker {found.Losses} times and is not tried again before {until} (Gateway:PoisonQuarantine); last: {found.Last}");
    }
}
