namespace TorchSharp;

/// <summary>Keeps one thread's nested scopes and its counts of tensors made and disposed.</summary>
public class DisposeScopeManager
{
    [ThreadStatic]
    private static DisposeScopeManager? ofThread;

    internal static DisposeScopeManager ThreadSingleton => ofThread ??= new DisposeScopeManager();

    /// <summary>The counts of the current thread. They tell of leaks: what was created outside every scope must be disposed by its owner.</summary>
    public static ThreadDisposeScopeStatistics Statistics => ThreadSingleton.Counts;

    internal ThreadDisposeScopeStatistics Counts { get; } = new();

    internal DisposeScope? Current { get; private set; }

    internal static DisposeScope Open()
    {
        var manager = ThreadSingleton;
        return manager.Current = new DisposeScope(manager);
    }

    internal void Register(torch.Tensor tensor)
    {
        if (Current is { } scope)
        {
            Counts.CreatedInScopeCount++;
            scope.Add(tensor);
        }
        else
        {
            Counts.CreatedOutsideScopeCount++;
        }
    }

    internal void Close(DisposeScope scope)
    {
        if (Current == scope)
            Current = scope.OuterScope;
    }
}
