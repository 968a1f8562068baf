using System.Diagnostics;
using System.Net;
using Fewshot.Gateway.Scaling;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Gateway.Grpc;

/// <summary>One worker: a URL, and the address of the one behind that name where there are several.</summary>
public sealed record WorkerEndpoint(Uri Url, IPAddress? Address);

/// <summary>One stage's workers, which may come and go: a slot for each, handed out one task at a time, to the jobs in turn.</summary>
public sealed class WorkerSlots : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<WorkerEndpoint, Worker> workers = [];
    private readonly Queue<Worker> free = [];
    private readonly FairQueue<TaskCompletionSource<Worker>> waiting = new();
    private readonly Func<WorkerEndpoint, GrpcChannel> connect;
    private readonly StageGauge gauge;
    private long? unreachableSince;
    private uint turn;

    /// <param name="connect">Makes the connection to a new worker; this disposes it.</param>
    /// <param name="gauge">Counts the stage's tasks.</param>
    public WorkerSlots(Func<WorkerEndpoint, GrpcChannel> connect, StageGauge gauge) => (this.connect, this.gauge) = (connect, gauge);

    /// <summary>How many tasks can run at a time now.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return workers.Count;
        }
    }

    /// <summary>Takes the stage's workers as they are now: new ones get a slot, one that is gone loses it when its task has ended.</summary>
    public void Update(IReadOnlyCollection<WorkerEndpoint> endpoints)
    {
        lock (gate)
        {
            foreach (var gone in workers.Keys.Except(endpoints).ToArray())
            {
                workers.Remove(gone, out var worker);
                worker!.Gone = true;
                worker.DisposeIfIdle();
            }

            foreach (var endpoint in endpoints.Where(endpoint => !workers.ContainsKey(endpoint)))
            {
                var worker = new Worker(connect(endpoint));
                workers.Add(endpoint, worker);
                Free(worker);
            }
        }
    }

    /// <summary>A worker for a call that answers at once and needs no slot.</summary>
    /// <exception cref="RpcException">UNAVAILABLE: there is none, as if it could not be reached.</exception>
    public CallInvoker Any()
    {
        lock (gate)
        {
            return workers.Count > 0
                ? workers.Values.ElementAt((int)(turn++ % workers.Count)).Invoker
                : throw new RpcException(new Status(StatusCode.Unavailable, "no worker is there", new HttpRequestException(HttpRequestError.NameResolutionError)));
        }
    }

    /// <summary>A task needs a worker from now on, through all its attempts; dispose it when the task has ended.</summary>
    public IDisposable Queue() => gauge.Need();

    /// <summary>Waits for a free slot, behind the other jobs' turns; dispose it when the attempt has ended.</summary>
    public async Task<Slot> TakeAsync(string job, CancellationToken ct)
    {
        var place = new TaskCompletionSource<Worker>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            waiting.Enqueue(job, place);
            HandOut();
        }

        await using var cancelled = ct.Register(() => place.TrySetCanceled(ct));
        return new Slot(this, await place.Task, gauge.Run());
    }

    /// <inheritdoc/>
    public void Dispose() => Update([]);

    /// <summary>How long no attempt has reached a worker; zero once one does, or while none was tried.</summary>
    private TimeSpan Unreachable() => unreachableSince is { } since ? Stopwatch.GetElapsedTime(since) : TimeSpan.Zero;

    private void Free(Worker worker)
    {
        worker.Busy = worker.Rests = false;
        if (worker.Gone)
        {
            worker.DisposeIfIdle();
            return;
        }

        free.Enqueue(worker);
        HandOut();
    }

    private void HandOut()
    {
        while (free.TryPeek(out var worker))
        {
            if (worker.Gone)
            {
                free.Dequeue();
                continue;
            }

            // One that has given up waiting is passed over.
            if (!waiting.TryDequeue(out var place))
                return;
            worker.Busy = true;
            if (place.TrySetResult(worker))
                free.Dequeue();
            else
                worker.Busy = false;
        }
    }

    /// <summary>The right to give one worker a task.</summary>
    public sealed class Slot : IDisposable
    {
        private readonly WorkerSlots slots;
        private readonly Worker worker;
        private readonly IDisposable run;
        private TimeSpan rest;
        private bool returned;

        internal Slot(WorkerSlots slots, Worker worker, IDisposable run) => (this.slots, this.worker, this.run) = (slots, worker, run);

        /// <summary>The worker.</summary>
        public CallInvoker Invoker => worker.Invoker;

        /// <summary>The worker has answered.</summary>
        public void Reached()
        {
            lock (slots.gate)
                slots.unreachableSince = null;
        }

        /// <summary>The worker could not be reached: it gets no task for a while, so that others are tried.</summary>
        /// <returns>How long no worker of this stage has been reached.</returns>
        public TimeSpan Unreached(TimeSpan pause)
        {
            lock (slots.gate)
            {
                rest = pause;
                worker.Rests = true;
                if (!slots.workers.Values.Any(other => other.Busy && !other.Rests))
                    slots.unreachableSince ??= Stopwatch.GetTimestamp();
                return slots.Unreachable();
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (slots.gate)
            {
                if (returned)
                    return;
                returned = true;
                run.Dispose();
                if (rest == TimeSpan.Zero)
                    slots.Free(worker);
                else
                    _ = ReturnLaterAsync();
            }
        }

        private async Task ReturnLaterAsync()
        {
            await Task.Delay(rest);
            lock (slots.gate)
                slots.Free(worker);
        }
    }

    internal sealed class Worker(GrpcChannel channel)
    {
        public CallInvoker Invoker { get; } = channel.CreateCallInvoker();

        public bool Busy { get; set; }

        public bool Rests { get; set; }

        public bool Gone { get; set; }

        public void DisposeIfIdle()
        {
            if (!Busy)
                channel.Dispose();
        }
    }
}
