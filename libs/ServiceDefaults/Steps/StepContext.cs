using Fewshot.Artifacts;
using Google.Protobuf;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// What a step's work has at hand. Everything is synchronous: the work has a thread of its own. A work that is stopped throws
/// <see cref="OperationCanceledException"/> after it has saved its checkpoint.
/// </summary>
public sealed class StepContext
{
    private readonly IArtifactStore artifacts;
    private readonly StepJournal journal;
    private readonly Action<string> warn;
    private readonly List<Digest> made = [];

    internal StepContext(StepKey key, RunningStep step, IArtifactStore artifacts, StepJournal journal, Action<string> warn)
    {
        Key = key;
        Stop = step.Stop;
        Progress = step;
        Checkpoints = journal.CheckpointsOf(key);
        this.artifacts = artifacts;
        this.journal = journal;
        this.warn = warn;
    }

    /// <summary>The step's key.</summary>
    public StepKey Key { get; }

    /// <summary>Fires when the work shall save its checkpoint and stop.</summary>
    public CancellationToken Stop { get; }

    /// <summary>Where the work says how far it is; cheap enough for every iteration.</summary>
    public IProgress<StepProgress> Progress { get; }

    /// <summary>Where the work saves its state and finds that of a predecessor which did not end.</summary>
    public ICheckpointStore Checkpoints { get; }

    internal IReadOnlyList<Digest> Made => made;

    /// <summary>The progress of a work whose units are batches of images, which are counted.</summary>
    /// <param name="imagesPerUnit">Images in a batch; 1 where the units are images.</param>
    /// <param name="within">Where the progress goes when it is a part of the step's.</param>
    public IProgress<StepProgress> CountImages(int imagesPerUnit, IProgress<StepProgress>? within = null) =>
        new ImageCount(within ?? Progress, imagesPerUnit, resumes: imagesPerUnit > 1);

    /// <summary>Logs something that is odd about the step's inputs but does not keep it from its result.</summary>
    public void Warn(string message) => warn(message);

    /// <summary>A verified local file with an artifact's content.</summary>
    /// <exception cref="ArtifactNotFoundException">It is not stored.</exception>
    /// <exception cref="DataLossException">Its stored bytes are damaged.</exception>
    public string Materialize(Digest digest) => artifacts.MaterializeAsync(digest, Stop).GetAwaiter().GetResult();

    /// <summary>Stores what the callback writes as an artifact of this step's result.</summary>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public Digest Store(Action<Stream> write)
    {
        var digest = artifacts.Put(write).Digest;
        made.Add(digest);
        return digest;
    }

    /// <summary>The result of another step, where it is done.</summary>
    public TResult? FindResult<TResult>(StepDefinition step, IMessage request)
        where TResult : class, IMessage<TResult>, new() =>
        journal.FindAsync(step.KeyOf(request), Stop).GetAwaiter().GetResult() is { } record
            ? StepJournal.Unpack<TResult>(record)
            : null;

    /// <summary>Records the result of another step that this work has computed on its way; does nothing where it is done already.</summary>
    public void Record(StepDefinition step, IMessage request, IMessage result, TimeSpan duration) =>
        journal.RecordAsync(step, step.KeyOf(request), result, duration).GetAwaiter().GetResult();
}
