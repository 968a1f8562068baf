using TorchSharp;

namespace Fewshot.TorchSharp;

public sealed class DisposeScopeTests
{
    [Fact]
    public void Dispose_TensorsMadeInside_AreFreed()
    {
        torch.Tensor inside;
        using (torch.NewDisposeScope())
            inside = torch.ones(3);
        Assert.True(inside.IsInvalid);
        Assert.Throws<InvalidOperationException>(() => inside.add(1));
    }

    [Fact]
    public void MoveToOuterDisposeScope_NestedScopes_LivesUntilTheOuterEnds()
    {
        torch.Tensor moved;
        using (var outer = torch.NewDisposeScope())
        {
            using (torch.NewDisposeScope())
                moved = torch.ones(3).MoveToOuterDisposeScope();
            Assert.False(moved.IsInvalid);
            Assert.True(outer.Contains(moved));
        }
        Assert.True(moved.IsInvalid);
    }

    [Fact]
    public void DetachFromDisposeScope_ScopeEnds_OwnerDisposes()
    {
        torch.Tensor kept;
        using (torch.NewDisposeScope())
            kept = torch.ones(3).DetachFromDisposeScope();
        Assert.Equal(3, kept.sum().item<float>());
        kept.Dispose();
        Assert.True(kept.IsInvalid);
    }

    [Fact]
    public void DisposeEverythingBut_OneKept_OthersAreFreed()
    {
        using var scope = torch.NewDisposeScope();
        var (kept, dropped) = (torch.ones(1), torch.ones(1));
        scope.DisposeEverythingBut(kept);
        Assert.False(kept.IsInvalid);
        Assert.True(dropped.IsInvalid);
        Assert.Equal(1, scope.DisposablesCount);
    }

    [Fact]
    public void Dispose_ManyDisposedEarly_ScopeStaysSmallAndFreesTheRest()
    {
        torch.Tensor last;
        using (var scope = torch.NewDisposeScope())
        {
            last = torch.ones(1);
            for (var k = 0; k < 1000; k++)
                torch.ones(1).Dispose();
            Assert.Equal(1, scope.DisposablesCount);
            Assert.Single(scope.DisposablesView);
        }
        Assert.True(last.IsInvalid);
    }

    [Fact]
    public void Attach_TensorMadeOutside_IsFreedWithTheScope()
    {
        var outside = torch.ones(1);
        using (var scope = torch.NewDisposeScope())
            scope.Attach(outside);
        Assert.True(outside.IsInvalid);
    }

    [Fact]
    public void Dispose_OtherDisposables_AreDisposedToo()
    {
        var stream = new MemoryStream();
        using (var scope = torch.NewDisposeScope())
            scope.Attach(stream);
        Assert.False(stream.CanRead);
    }

    [Fact]
    public void Statistics_ScopeOfTensors_CountsMadeDetachedAndDisposed()
    {
        var statistics = DisposeScopeManager.Statistics;
        statistics.Reset();
        using (torch.NewDisposeScope())
        {
            torch.ones(1);
            torch.ones(1).Dispose();
            torch.ones(1).DetachFromDisposeScope().Dispose();
        }
        torch.ones(1).Dispose();
        Assert.Equal((3, 1, 2, 1, 0), (statistics.CreatedInScopeCount, statistics.DetachedFromScopeCount, statistics.DisposedInScopeCount,
            statistics.CreatedOutsideScopeCount, statistics.ThreadTotalLiveCount));
    }

    [Fact]
    public void NewDisposeScope_TwoThreads_ScopesAreTheirOwn()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor? other = null;
        var thread = new Thread(() => other = torch.ones(1));
        thread.Start();
        thread.Join();
        Assert.Equal(0, scope.DisposablesCount);
        other!.Dispose();
    }

    [Fact]
    public void WrappedTensorDisposeScope_Expression_KeepsOnlyTheResult()
    {
        using var scope = torch.NewDisposeScope();
        var result = torch.WrappedTensorDisposeScope(() => torch.ones(2) + 1 + 1);
        Assert.Equal(6, result.sum().item<float>());
        Assert.True(scope.Contains(result));
    }

    [Fact]
    public void Dispose_OuterBeforeInner_InnerGoesOn()
    {
        var outer = torch.NewDisposeScope();
        var inOuter = torch.ones(1);
        var inner = torch.NewDisposeScope();
        outer.Dispose();
        Assert.True(inOuter.IsInvalid);
        var inInner = torch.ones(1);
        Assert.False(inInner.IsInvalid);
        var detached = inInner.clone().MoveToOuterDisposeScope();
        inner.Dispose();
        Assert.True(inInner.IsInvalid);
        Assert.False(detached.IsInvalid);
        Assert.Null(torch.CurrentDisposeScope);
        detached.Dispose();
    }

    [Fact]
    public void Attach_ToAClosedScope_Throws()
    {
        var scope = torch.NewDisposeScope();
        scope.Dispose();
        using var tensor = torch.ones(1);
        Assert.Throws<ObjectDisposedException>(() => scope.Attach(tensor));
    }
}
