namespace Fewshot.Artifacts;

/// <summary>
/// Names for artifacts, kept beside them: a few well-known things to start from where everything else is lost, and what is done of every
/// step. Names are lower-case letters, digits, '-' and one '/' between a kind and the rest. A damaged name counts as free.
/// </summary>
public interface IArtifactNames
{
    /// <summary>The artifact that has a name; null where none has it.</summary>
    Task<Digest?> FindAsync(string name, CancellationToken ct = default);

    /// <summary>Gives a name to an artifact that is stored already; the name may have been another's.</summary>
    Task SetAsync(string name, Digest digest, CancellationToken ct = default);

    /// <summary>Gives a name to an artifact that is stored already, unless the name is taken. The first writer wins.</summary>
    /// <returns>The artifact that has the name now: this one, or the one that had it before.</returns>
    Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default);

    /// <summary>Takes a name away; its artifact stays.</summary>
    Task RemoveAsync(string name, CancellationToken ct = default);

    /// <summary>Takes a name away from one artifact; does nothing where another has the name by now.</summary>
    Task RemoveAsync(string name, Digest digest, CancellationToken ct = default);

    /// <summary>The names that begin with a kind and a slash, or all where nothing is given, in no order.</summary>
    IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default);
}
