namespace Fewshot.Artifacts;

/// <summary>
/// Names for artifacts, kept beside them: a few well-known things to start from where everything else is lost. Names are lower-case letters,
/// digits, '-' and one '/' between a kind and the rest.
/// </summary>
public interface IArtifactNames
{
    /// <summary>Gives a name to an artifact that is stored already; the name may have been another's.</summary>
    Task SetAsync(string name, Digest digest, CancellationToken ct = default);

    /// <summary>Takes a name away; its artifact stays.</summary>
    Task RemoveAsync(string name, CancellationToken ct = default);

    /// <summary>The names that begin with a kind and a slash, or all where nothing is given, in no order.</summary>
    IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default);
}
