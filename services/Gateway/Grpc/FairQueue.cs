namespace Fewshot.Gateway.Grpc;

/// <summary>First come, first served within a job, and the jobs in turn: a job of a thousand tasks does not keep one of three waiting.</summary>
public sealed class FairQueue<T>
{
    private readonly LinkedList<(string Job, Queue<T> Items)> turns = [];
    private readonly Dictionary<string, LinkedListNode<(string Job, Queue<T> Items)>> jobs = new(StringComparer.Ordinal);

    /// <summary>Adds a job's next item.</summary>
    public void Enqueue(string job, T item)
    {
        if (!jobs.TryGetValue(job, out var node))
            jobs.Add(job, node = turns.AddLast((job, new Queue<T>())));
        node.Value.Items.Enqueue(item);
    }

    /// <summary>Takes the first item of the job whose turn it is; that job comes last then.</summary>
    public bool TryDequeue([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out T item)
    {
        item = default;
        if (turns.First is not { } node)
            return false;
        item = node.Value.Items.Dequeue();
        turns.Remove(node);
        if (node.Value.Items.Count > 0)
            turns.AddLast(node);
        else
            jobs.Remove(node.Value.Job);
        return true;
    }
}
