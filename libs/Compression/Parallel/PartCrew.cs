using TorchSharp;

namespace Fewshot.Compression.Parallel;

/// <summary>
/// Threads that work on the parts of a batch at the same time, each with operators of few threads: images do not wait for each other inside a network, so
/// this keeps every core busy where operators on all cores would meet after each of them.
/// </summary>
internal sealed class PartCrew : IDisposable
{
    private readonly Barrier turn, meeting;
    private readonly CancellationTokenSource failed = new();
    private readonly int threads, threadsEach;
    private Action<int>? work;
    private Exception? failure;

    /// <param name="count">Parts at a time; the first is the calling thread's.</param>
    /// <param name="threadsEach">Of a part's operators.</param>
    public PartCrew(int count, int threadsEach = 1)
    {
        (Count, this.threadsEach) = (count, threadsEach);
        (turn, meeting) = (new Barrier(count), new Barrier(count));
        threads = torch.get_num_threads();
        if (count == 1)
            return;
        torch.set_num_threads(threadsEach);
        for (var part = 1; part < count; part++)
        {
            var own = part;
            new Thread(() => Serve(own)) { IsBackground = true, Name = $"part {part}" }.Start();
        }
    }

    public int Count { get; }

    /// <summary>Runs every part to its end. Where one fails, those that wait for it at <see cref="Meet"/> give up, and its exception is thrown.</summary>
    public void Run(Action<int> parts)
    {
        work = parts;
        turn.SignalAndWait();
        RunPart(0);
        turn.SignalAndWait();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Runs on the calling thread alone, with operators on all cores.</summary>
    public T Alone<T>(Func<T> work)
    {
        if (Count > 1)
            torch.set_num_threads(threads);
        var result = work();
        if (Count > 1)
            torch.set_num_threads(threadsEach);
        return result;
    }

    /// <summary>Waits, inside a part, until all parts are here.</summary>
    public void Meet() => meeting.SignalAndWait(failed.Token);

    public void Dispose()
    {
        work = null;
        turn.SignalAndWait();
        if (Count > 1)
            torch.set_num_threads(threads);
        // The others have passed the barrier, or will: it must outlive them, so it is left to the collector.
        failed.Dispose();
    }

    private void Serve(int part)
    {
        torch.set_num_threads(threadsEach);
        while (true)
        {
            turn.SignalAndWait();
            if (work is null)
                return;
            RunPart(part);
            turn.SignalAndWait();
        }
    }

    private void RunPart(int part)
    {
        try
        {
            work!(part);
        }
        catch (Exception e)
        {
            // The first one is the cause; the others only missed it.
            if (Interlocked.CompareExchange(ref failure, e, null) is null)
                failed.Cancel();
        }
    }
}
