using Fewshot.Artifacts;

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
