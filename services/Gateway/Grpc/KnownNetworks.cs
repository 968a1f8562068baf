using System.Collections.Concurrent;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Grpc;

/// <summary>Descriptions of networks that have been asked for: a digest's never changes. Who asks for one that is being asked for waits for that answer.</summary>
public sealed class KnownNetworks
{
    private const int Most = 500;
    private readonly ConcurrentDictionary<Question, NetworkFacts> known = new();
    private readonly ConcurrentDictionary<Question, Lazy<Task<NetworkFacts>>> asked = new();

    /// <summary>A network's description.</summary>
    /// <param name="question">Of which network, and how long an answer is waited for: who is impatient does not share another's patience.</param>
    /// <param name="ask">Asks a worker; goes on when one of those who wait for it gives up.</param>
    /// <param name="ct">Gives up waiting.</param>
    public async Task<NetworkFacts> FindAsync(Question question, Func<Task<NetworkFacts>> ask, CancellationToken ct)
    {
        if (known.TryGetValue(question with { Patient = false }, out var facts))
            return facts;
        return await asked.GetOrAdd(question, _ => new Lazy<Task<NetworkFacts>>(() => AskAsync(question, ask))).Value.WaitAsync(ct);
    }

    private async Task<NetworkFacts> AskAsync(Question question, Func<Task<NetworkFacts>> ask)
    {
        try
        {
            var facts = await ask();
            if (known.Count >= Most)
                known.Clear();
            return known[question with { Patient = false }] = facts;
        }
        finally
        {
            asked.TryRemove(question, out _);
        }
    }

    /// <summary>What is asked.</summary>
    public readonly record struct Question(string Digest, MacsConvention Convention, bool Patient);
}
