using Fewshot.Artifacts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>A folder that is gone afterwards.</summary>
internal sealed class StateFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("fewshot-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Work that has begun and ends when it is let go or stopped.</summary>
internal sealed class Hold : IDisposable
{
    private readonly TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim released = new();

    public Task Entered => entered.Task;

    public void Wait(CancellationToken stop)
    {
        entered.TrySetResult();
        released.Wait(stop);
    }

    public void Release() => released.Set();

    public void Dispose() => released.Dispose();
}

/// <summary>Keeps what it hears.</summary>
internal sealed class Listener : IProgress<StepProgress>
{
    private readonly List<StepProgress> heard = [];

    public IReadOnlyList<StepProgress> Heard
    {
        get
        {
            lock (heard)
                return [.. heard];
        }
    }

    public void Report(StepProgress value)
    {
        lock (heard)
            heard.Add(value);
    }
}

/// <summary>Step runners as of processes that share nothing but the artifacts and their names.</summary>
internal sealed class SharedSteps : IDisposable
{
    private readonly StateFolder state = new();
    private readonly List<IDisposable> owned = [];

    /// <summary>The folder of artifacts.</summary>
    public string Artifacts => Path.Combine(state.Path, "artifacts");

    /// <summary>The byte that a checkpoint was saved as; null where the work starts from the beginning.</summary>
    public static byte? CheckpointOf(StepContext context)
    {
        using var newest = context.Checkpoints.OpenNewest();
        return (byte?)newest?.ReadByte();
    }

    /// <summary>The file of an artifact.</summary>
    public string ArtifactOf(Digest digest) => Path.Combine(Artifacts, digest.Hex);

    /// <summary>The file of a name.</summary>
    public string FileOf(string name) => Path.Combine(state.Path, "names", name.Replace('/', '.'));

    public StepRunner Runner(Action<FewshotOptions>? configure = null)
    {
        var options = new FewshotOptions { StateFolder = state.Path };
        configure?.Invoke(options);
        var artifacts = new FileArtifactStore(Artifacts);
        var names = new FileArtifactNames(Path.Combine(state.Path, "names"));
        var gate = new HeavyStepGate(options);
        owned.AddRange([artifacts, names, gate]);
        return new StepRunner(artifacts, new StepJournal(artifacts, names), gate, options, NullLogger<StepRunner>.Instance);
    }

    public void Dispose()
    {
        owned.ForEach(one => one.Dispose());
        state.Dispose();
    }
}
