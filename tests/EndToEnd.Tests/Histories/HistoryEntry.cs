namespace Fewshot.Histories;

/// <summary>What a line of a history says.</summary>
public enum Happening
{
    /// <summary>A gateway acknowledged a job.</summary>
    Submitted,

    /// <summary>How a job must end: one of the states, and with this model where it succeeds.</summary>
    Expected,

    /// <summary>A watcher saw a job's event.</summary>
    Event,

    /// <summary>A step's record was looked for, and this one found.</summary>
    Result,

    /// <summary>The test took results away on purpose: of one step, or of all, and all events with them.</summary>
    Forgotten,

    /// <summary>A job ended.</summary>
    Ended,

    /// <summary>An artifact that a job refers to, before the collection.</summary>
    Needed,

    /// <summary>Artifacts that nobody needs were collected.</summary>
    Collected,

    /// <summary>An artifact, or a file, that was there after the collection.</summary>
    Kept,
}

/// <summary>One line of a history; which of the others are set depends on the first.</summary>
/// <param name="What">What happened.</param>
/// <param name="Job">The job's id.</param>
/// <param name="Watcher">Who saw an event; numbers count for each watcher and job.</param>
/// <param name="Sequence">The event's number.</param>
/// <param name="Step">The step's key.</param>
/// <param name="Digest">A result, a model or an artifact.</param>
/// <param name="States">Where the job ended, or the states it may end in.</param>
/// <param name="Message">Why it failed.</param>
public sealed record HistoryEntry(
    Happening What, string? Job = null, string? Watcher = null, long Sequence = 0, string? Step = null, string? Digest = null, IReadOnlyList<string>? States = null,
    string? Message = null);
