using System.Net;
using System.Net.Sockets;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Scaling;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.Gateway.Tests;

public sealed class WorkerSlotsTests
{
    private static readonly WorkerEndpoint First = new(new Uri("http://127.0.0.1:1"), null), Second = new(new Uri("http://127.0.0.1:2"), null);

    [Fact]
    public async Task TakeAsync_TwoJobs_TakeTurns()
    {
        using var slots = Slots(First);
        var held = await slots.TakeAsync("long", CancellationToken.None);
        var waiting = new[] { "long", "long", "long", "short" }.Select(job => slots.TakeAsync(job, CancellationToken.None)).ToArray();
        List<int> order = [];
        for (var left = waiting.Length; left > 0; left--)
        {
            held.Dispose();
            var next = await Task.WhenAny(waiting.Where((_, i) => !order.Contains(i)));
            order.Add(Array.IndexOf(waiting, next));
            held = await next;
        }

        held.Dispose();
        Assert.Equal([0, 3, 1, 2], order);
    }

    [Fact]
    public async Task TakeAsync_GivenUp_LeavesTheSlotToTheNext()
    {
        using var slots = Slots(First);
        var held = await slots.TakeAsync("a", CancellationToken.None);
        using var impatient = new CancellationTokenSource();
        var left = slots.TakeAsync("a", impatient.Token);
        var next = slots.TakeAsync("b", CancellationToken.None);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        held.Dispose();
        (await next).Dispose();
    }

    [Fact]
    public async Task Update_WorkersComeAndGo_SlotsFollow()
    {
        using var slots = Slots();
        var waiting = slots.TakeAsync("a", CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        slots.Update([First]);
        var held = await waiting;
        slots.Update([Second]);
        var other = await slots.TakeAsync("a", CancellationToken.None);
        Assert.NotSame(held.Invoker, other.Invoker);
        held.Dispose();
        var third = slots.TakeAsync("a", CancellationToken.None);
        Assert.False(third.IsCompleted, "the slot of the worker that is gone is gone too");
        other.Dispose();
        Assert.Same(other.Invoker, (await third).Invoker);
        Assert.Equal(1, slots.Count);
    }

    [Fact]
    public async Task Unreached_OneOfTwo_RestsAndTheOtherWorks()
    {
        using var slots = Slots(First, Second);
        var dead = await slots.TakeAsync("a", CancellationToken.None);
        dead.Unreached(TimeSpan.FromHours(1));
        dead.Dispose();
        for (var i = 0; i < 3; i++)
        {
            using var slot = await slots.TakeAsync("a", CancellationToken.None);
            Assert.NotSame(dead.Invoker, slot.Invoker);
            slot.Reached();
        }
    }

    [Fact]
    public async Task Unreached_AllOfThem_CountsTheTime()
    {
        using var slots = Slots(First, Second);
        using var first = await slots.TakeAsync("a", CancellationToken.None);
        using var second = await slots.TakeAsync("a", CancellationToken.None);
        Assert.Equal(TimeSpan.Zero, first.Unreached(TimeSpan.FromHours(1))); // the second one works
        Assert.True(second.Unreached(TimeSpan.FromHours(1)) >= TimeSpan.Zero);
        Assert.True(second.Unreached(TimeSpan.FromHours(1)) > TimeSpan.Zero);
        second.Reached();
        Assert.True(first.Unreached(TimeSpan.FromHours(1)) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task FindAsync_Name_StandsForAllItsAddressesOfOneFamily()
    {
        IPAddress[] addresses = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2"), IPAddress.IPv6Loopback];
        var discovery = new WorkerDiscovery(NullLogger<WorkerDiscovery>.Instance, (_, _) => Task.FromResult(addresses));
        Uri[] urls = [new("http://block-trial:5210"), new("http://127.0.0.1:7"), new("http://localhost:8")];

        var found = await discovery.FindAsync(urls, [], CancellationToken.None);

        Assert.Equal([new(urls[0], addresses[0]), new(urls[0], addresses[1]), new(urls[1], null), new(urls[2], null)], found);
    }

    [Fact]
    public async Task FindAsync_NameServerFails_KeepsWhatWasKnown_NobodyThereIsNobody()
    {
        var error = SocketError.TryAgain;
        var discovery = new WorkerDiscovery(NullLogger<WorkerDiscovery>.Instance, (_, _) => throw new SocketException((int)error));
        WorkerEndpoint known = new(new Uri("http://block-trial:5210"), IPAddress.Parse("10.0.0.1"));

        Assert.Equal([known], await discovery.FindAsync([known.Url], [known], CancellationToken.None));
        error = SocketError.HostNotFound;
        Assert.Empty(await discovery.FindAsync([known.Url], [known], CancellationToken.None));
    }

    private static WorkerSlots Slots(params WorkerEndpoint[] workers)
    {
        var slots = new WorkerSlots(endpoint => GrpcChannel.ForAddress(endpoint.Url), new StageGauge());
        slots.Update(workers);
        return slots;
    }
}
