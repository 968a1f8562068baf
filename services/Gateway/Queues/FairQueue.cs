namespace Fewshot.Gateway.Queues;

/// <summary>
/// First come, first served within a job; the jobs of a tenant in turn; the tenants in turn: neither a job of a thousand steps nor a tenant
/// of a thousand jobs keeps another waiting.
/// </summary>
public sealed class FairQueue<T>
    where T : class
{
    private readonly LinkedList<TenantTurn> turns = [];

    /// <summary>Adds a job's next item.</summary>
    public void Enqueue(string tenant, string job, T item)
    {
        var of = turns.FirstOrDefault(turn => turn.Tenant == tenant);
        if (of is null)
            turns.AddLast(of = new TenantTurn(tenant));
        var items = of.Jobs.FirstOrDefault(turn => turn.Job == job);
        if (items is null)
            of.Jobs.AddLast(items = new JobTurn(job));
        items.Items.AddLast(item);
    }

    /// <summary>Takes the first item, in the order of turns, that may be taken; its tenant and its job then come last.</summary>
    public T? Take(Func<T, bool> may)
    {
        for (var tenant = turns.First; tenant is not null; tenant = tenant.Next)
        {
            for (var job = tenant.Value.Jobs.First; job is not null; job = job.Next)
            {
                for (var item = job.Value.Items.First; item is not null; item = item.Next)
                {
                    if (!may(item.Value))
                        continue;
                    job.Value.Items.Remove(item);
                    tenant.Value.Jobs.Remove(job);
                    if (job.Value.Items.Count > 0)
                        tenant.Value.Jobs.AddLast(job);
                    turns.Remove(tenant);
                    if (tenant.Value.Jobs.Count > 0)
                        turns.AddLast(tenant);
                    return item.Value;
                }
            }
        }

        return null;
    }

    /// <summary>Removes an item, wherever it is.</summary>
    public void Remove(string tenant, string job, T item)
    {
        var of = turns.FirstOrDefault(turn => turn.Tenant == tenant);
        if (of?.Jobs.FirstOrDefault(turn => turn.Job == job) is not { } items)
            return;
        items.Items.Remove(item);
        if (items.Items.Count == 0)
            of.Jobs.Remove(items);
        if (of.Jobs.Count == 0)
            turns.Remove(of);
    }

    private sealed record TenantTurn(string Tenant)
    {
        public LinkedList<JobTurn> Jobs { get; } = [];
    }

    private sealed record JobTurn(string Job)
    {
        public LinkedList<T> Items { get; } = [];
    }
}
