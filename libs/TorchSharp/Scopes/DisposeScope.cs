namespace TorchSharp;

/// <summary>
/// Disposes the tensors created on its thread while it is the innermost scope, unless they were moved out or detached. Scopes nest, and belong to the
/// thread that opened them: a scope must not live across an await.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager manager;

    // Tensors know their place here, so leaving a scope early costs one write; the holes are closed when they outnumber the rest.
    private readonly List<IDisposable?> entries = [];
    private readonly DisposeScope? outer;
    private int count;
    private bool disposed;

    internal DisposeScope(DisposeScopeManager manager)
    {
        this.manager = manager;
        outer = manager.Current;
    }

    /// <summary>The next scope around this one that is still open: scopes may be closed in any order.</summary>
    internal DisposeScope? OuterScope
    {
        get
        {
            var around = outer;
            while (around is { disposed: true })
                around = around.outer;
            return around;
        }
    }

    /// <summary>How many objects the scope would dispose now.</summary>
    public int DisposablesCount => count;

    /// <summary>A copy of what the scope would dispose now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView => [.. entries.OfType<IDisposable>()];

    /// <summary>Whether the scope would dispose <paramref name="disposable"/>.</summary>
    public bool Contains(IDisposable disposable) => IndexOf(disposable) >= 0;

    /// <summary>Takes over the disposal of an object, from its scope if it is in one.</summary>
    public T Attach<T>(T disposable) where T : IDisposable
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (disposable is torch.Tensor { OwningDisposeScope: { } owner })
            owner.Remove(disposable);
        else
            manager.Counts.AttachedToScopeCount++;
        Add(disposable);
        return disposable;
    }

    /// <summary>Gives an object to the scope around this one; out of every scope when there is none.</summary>
    public T MoveToOuter<T>(T disposable) where T : IDisposable => MoveToOther(OuterScope, disposable);

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (MoveToOuter(first), MoveToOuter(second));

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable =>
        (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public void MoveToOuter(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
            MoveToOther(OuterScope, disposable);
    }

    /// <summary>Gives an object of this scope to another one, or to none.</summary>
    public T MoveToOther<T>(DisposeScope? scope, T disposable) where T : IDisposable
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!Remove(disposable))
            return disposable;
        if (scope is null)
            manager.Counts.DetachedFromScopeCount++;
        else
            scope.Add(disposable);
        return disposable;
    }

    /// <summary>Takes an object out of every scope: its owner disposes it.</summary>
    public T Detach<T>(T disposable) where T : IDisposable => MoveToOther(null, disposable);

    /// <inheritdoc cref="Detach{T}(T)"/>
    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (Detach(first), Detach(second));

    /// <inheritdoc cref="Detach{T}(T)"/>
    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    /// <inheritdoc cref="Detach{T}(T)"/>
    public void Detach(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
            MoveToOther(null, disposable);
    }

    /// <summary>Disposes what the scope holds and keeps the scope open.</summary>
    public void DisposeEverything()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        for (var k = 0; k < entries.Count; k++)
        {
            var entry = entries[k];
            if (entry is null)
                continue;
            entries[k] = null;
            manager.Counts.DisposedInScopeCount++;
            if (entry is torch.Tensor tensor)
                tensor.OwningDisposeScope = null;
            entry.Dispose();
        }
        entries.Clear();
        count = 0;
    }

    /// <summary>Disposes what the scope holds except <paramref name="keep"/>, and keeps the scope open.</summary>
    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    /// <inheritdoc cref="DisposeEverythingBut(IDisposable[])"/>
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var kept = inKeep.Where(Remove).ToList();
        DisposeEverything();
        foreach (var disposable in kept)
            Add(disposable);
    }

    /// <inheritdoc cref="DisposeEverythingBut(IDisposable[])"/>
    public T DisposeEverythingBut<T>(T keep) where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    /// <summary>Says that an object of this scope has been disposed by its owner.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        if (Remove(disposable))
            manager.Counts.DisposedInScopeCount++;
    }

    /// <summary>Disposes what the scope holds and closes it. Scopes inside it that are still open stay so.</summary>
    public void Dispose()
    {
        if (disposed)
            return;
        DisposeEverything();
        disposed = true;
        manager.Close(this);
    }

    internal void Add(IDisposable disposable)
    {
        if (disposable is torch.Tensor tensor)
        {
            tensor.OwningDisposeScope = this;
            tensor.PlaceInScope = entries.Count;
        }
        entries.Add(disposable);
        count++;
    }

    private bool Remove(IDisposable disposable)
    {
        var place = IndexOf(disposable);
        if (place < 0)
            return false;
        entries[place] = null;
        count--;
        if (disposable is torch.Tensor tensor)
            tensor.OwningDisposeScope = null;
        if (entries.Count > 64 && count < entries.Count / 2)
            CloseHoles();
        return true;
    }

    private int IndexOf(IDisposable disposable)
    {
        if (disposable is torch.Tensor tensor)
            return ReferenceEquals(tensor.OwningDisposeScope, this) ? tensor.PlaceInScope : -1;
        return entries.FindIndex(entry => ReferenceEquals(entry, disposable));
    }

    private void CloseHoles()
    {
        entries.RemoveAll(entry => entry is null);
        for (var k = 0; k < entries.Count; k++)
            if (entries[k] is torch.Tensor tensor)
                tensor.PlaceInScope = k;
    }
}
