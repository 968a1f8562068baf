using Fewshot.Gateway.Queues;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Gateway.Grpc;

/// <summary>One stage's workers, which may come and go, and the connections to them. Which task gets which, the cluster's queue says.</summary>
public sealed class WorkerSlots : IDisposable
{
    private static readonly TimeSpan BackPatience = FairPlaces.Life * 1.5;
    private readonly Lock gate = new();
    private readonly Dictionary<WorkerEndpoint, Worker> workers = [];
    private readonly Func<WorkerEndpoint, GrpcChannel> connect;
    private readonly PlaceQueue queue;
    private readonly bool shared;
    private uint turn;

    /// <param name="connect">Makes the connection to a new worker; this disposes it.</param>
    /// <param name="queue">The stage's queue.</param>
    /// <param name="shared">Whether the workers work for all gateways, or for this one alone.</param>
    public WorkerSlots(Func<WorkerEndpoint, GrpcChannel> connect, PlaceQueue queue, bool shared) =>
        (this.connect, this.queue, this.shared) = (connect, queue, shared);

    /// <summary>How many tasks can run at a time now.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return workers.Count;
        }
    }

    /// <summary>Takes the stage's workers as they are now; the connection to one that is gone ends with its task.</summary>
    public void Update(IReadOnlyCollection<WorkerEndpoint> endpoints)
    {
        lock (gate)
        {
            foreach (var gone in workers.Keys.Except(endpoints).ToArray())
            {
                workers.Remove(gone, out var worker);
                worker!.Leave();
            }

            foreach (var endpoint in endpoints.Where(endpoint => !workers.ContainsKey(endpoint)))
                workers.Add(endpoint, new Worker(connect(endpoint)));
        }

        queue.SetPlaces(endpoints.Select(endpoint => new PlaceView(endpoint.ToString(), 1, shared)));
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

    /// <summary>A task of a job needs a worker from now on, through all its attempts; dispose the ticket when the task has ended.</summary>
    public QueueTicket Join(string tenant, string job)
    {
        lock (gate)
            return queue.Join(tenant, job, shared ? null : workers.Keys.First().ToString());
    }

    /// <summary>A task needs the worker that it was left with, if that is there still; null where it is not.</summary>
    public QueueTicket? Rejoin(string tenant, string job, string worker)
    {
        lock (gate)
            return workers.ContainsKey(WorkerEndpoint.Parse(worker)) ? queue.Join(tenant, job, worker) : null;
    }

    /// <summary>Waits for a worker, behind the other tenants' and jobs' turns; dispose the slot when the attempt has ended.</summary>
    public async Task<Slot> TakeAsync(QueueTicket ticket, CancellationToken ct)
    {
        var endpoint = WorkerEndpoint.Parse(await ticket.TakeAsync(ct));
        lock (gate)
        {
            // Another gateway may have found it a moment earlier.
            var known = workers.TryGetValue(endpoint, out var worker);
            worker ??= new Worker(connect(endpoint));
            worker.Enter();
            if (!known)
                worker.Leave();
            return new Slot(this, ticket, worker, endpoint.ToString());
        }
    }

    /// <summary>
    /// The worker that a step was left with, which may be at it still: as soon as the gateway that had asked it counts as gone. Null where
    /// that worker does not come free.
    /// </summary>
    public async Task<Slot?> TakeBackAsync(QueueTicket? ticket, CancellationToken stop)
    {
        if (ticket is null)
            return null;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(BackPatience);
        try
        {
            return await TakeAsync(ticket, patience.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            foreach (var worker in workers.Values)
                worker.Leave();
            workers.Clear();
        }
    }

    /// <summary>The right to give one worker a task.</summary>
    public sealed class Slot : IAsyncDisposable
    {
        private readonly WorkerSlots slots;
        private readonly QueueTicket ticket;
        private readonly Worker worker;
        private bool left;

        internal Slot(WorkerSlots slots, QueueTicket ticket, Worker worker, string name) =>
            (this.slots, this.ticket, this.worker, Name) = (slots, ticket, worker, name);

        /// <summary>The worker.</summary>
        public CallInvoker Invoker => worker.Invoker;

        /// <summary>Where it is.</summary>
        public string Name { get; }

        /// <summary>The worker has answered.</summary>
        public void Reached() => ticket.Reached();

        /// <summary>The worker could not be reached: it gets no task for a while, so that others are tried. Ends the attempt.</summary>
        /// <returns>How long no worker of this stage has been reached.</returns>
        public Task<TimeSpan> UnreachedAsync(TimeSpan pause) => ticket.ReturnAsync(pause);

        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            if (left)
                return;
            left = true;
            lock (slots.gate)
                worker.Exit();
            await ticket.ReturnAsync();
        }
    }

    internal sealed class Worker(GrpcChannel channel)
    {
        private int tasks;
        private bool gone;

        public CallInvoker Invoker { get; } = channel.CreateCallInvoker();

        public void Enter() => tasks++;

        public void Exit()
        {
            tasks--;
            DisposeIfIdle();
        }

        public void Leave()
        {
            gone = true;
            DisposeIfIdle();
        }

        private void DisposeIfIdle()
        {
            if (gone && tasks == 0)
                channel.Dispose();
        }
    }
}
