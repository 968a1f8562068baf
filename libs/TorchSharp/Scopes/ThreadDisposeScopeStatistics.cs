namespace TorchSharp;

/// <summary>How many tensors one thread made, detached and disposed since the last <see cref="Reset"/>.</summary>
public sealed class ThreadDisposeScopeStatistics
{
    /// <summary>Made while no scope was open.</summary>
    public long CreatedOutsideScopeCount { get; internal set; }

    /// <summary>Made inside a scope.</summary>
    public long CreatedInScopeCount { get; internal set; }

    /// <summary>Taken out of every scope; their owners dispose them.</summary>
    public long DetachedFromScopeCount { get; internal set; }

    /// <summary>Given to a scope after they were made.</summary>
    public long AttachedToScopeCount { get; internal set; }

    /// <summary>Disposed by a scope or while in one.</summary>
    public long DisposedInScopeCount { get; internal set; }

    /// <summary>Still held by this thread's scopes.</summary>
    public long ThreadTotalLiveCount => CreatedInScopeCount + AttachedToScopeCount - DisposedInScopeCount - DetachedFromScopeCount;

    /// <summary>Starts counting from zero.</summary>
    public void Reset() =>
        CreatedOutsideScopeCount = CreatedInScopeCount = AttachedToScopeCount = DetachedFromScopeCount = DisposedInScopeCount = 0;

    /// <inheritdoc/>
    public override string ToString() =>
        $"created in scopes {CreatedInScopeCount}, outside {CreatedOutsideScopeCount}, detached {DetachedFromScopeCount}, disposed {DisposedInScopeCount}";
}
