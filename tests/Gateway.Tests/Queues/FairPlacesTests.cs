using Fewshot.Gateway.Queues;

namespace Fewshot.Gateway.Tests;

public sealed class FairPlacesTests
{
    private const string Gateway = "here", Other = "there";
    private readonly Clock clock = new();
    private readonly FairPlaces places;

    public FairPlacesTests() => places = new FairPlaces(clock);

    [Fact]
    public void Ask_TenantsAndJobs_TakeTurns()
    {
        Know(Gateway, Shared("w"));
        var held = Of("a", "held");
        Assert.True(places.Ask(held, 0).IsCompleted);
        var waiting = new[] { "a/long", "a/long", "a/long", "a/short", "b/x", "b/x", "c/y" }.Select(name => Of(name[..1], name[2..])).ToArray();
        var asked = waiting.Select(ticket => (Ticket: ticket, Place: places.Ask(ticket, 0))).ToList();
        List<string> order = [];
        while (asked.Count > 0)
        {
            places.End(held.Id);
            var next = Assert.Single(asked, one => one.Place.IsCompleted);
            order.Add($"{next.Ticket.Tenant}/{next.Ticket.Job}");
            held = next.Ticket;
            asked.Remove(next);
        }

        Assert.Equal(["a/long", "b/x", "c/y", "a/short", "b/x", "a/long", "a/long"], order);
    }

    [Fact]
    public void Ask_TenantAtItsLimit_IsOvertakenAndGoesOnInTurn()
    {
        Know(Gateway, new PlaceView(Gateway, 3, Shared: false));
        Ticket[] limited = [.. Enumerable.Range(0, 3).Select(i => Of("limited", $"{i}", Gateway, limit: 1))];
        var asked = limited.Select(ticket => places.Ask(ticket, 0)).ToArray();
        Assert.True(places.Ask(Of("free", "x", Gateway), 0).IsCompleted);
        Assert.Equal([true, false, false], asked.Select(place => place.IsCompleted));
        places.End(limited[0].Id);
        places.End(limited[0].Id);
        Assert.Equal([true, true, false], asked.Select(place => place.IsCompleted));
        Assert.Equal(new QueueLoad(1, 2), places.Load);
    }

    [Fact]
    public async Task Ask_TwiceForOneTurn_IsTheSamePlace()
    {
        Know(Gateway, Shared("w"), Shared("x"));
        var ticket = Of("a", "1");
        var first = await places.Ask(ticket, 0);
        Assert.Equal(first, await places.Ask(ticket, 0));
        Assert.Equal(1, places.Load.Running);
    }

    [Fact]
    public void Leave_GivenUp_IsPassedOverAndKeepsItsTurn()
    {
        Know(Gateway, Shared("w"));
        var (held, left, next) = (Of("a", "1"), Of("a", "2"), Of("a", "3"));
        Take(held, 0);
        Take(left, 0);
        places.Leave(left.Id);
        var waiting = places.Ask(next, 0);
        places.End(held.Id);
        Assert.True(waiting.IsCompleted);
        var again = places.Ask(left, 0);
        Assert.False(again.IsCompleted);
        places.End(next.Id);
        Assert.True(again.IsCompleted);
    }

    [Fact]
    public void Renew_PlacesComeAndGo_TicketsFollow()
    {
        var waiting = places.Ask(Of("a", "1"), 0);
        Assert.False(waiting.IsCompleted);
        Know(Gateway, Shared("old"));
        Assert.True(waiting.IsCompleted);
        Know(Gateway, Shared("new"));
        var second = Of("a", "1");
        Assert.Equal("new", Take(second, 0));
        Assert.False(places.Ask(Of("a", "1"), 0).IsCompleted);
        Know(Gateway, Shared("new"), Shared("newer"));
        Assert.Equal(3, places.Load.Running);
    }

    [Fact]
    public void Ask_PlaceOfOneGateway_IsForWhoAsksForNothingElse()
    {
        Know(Gateway, new PlaceView("own", 1, Shared: false));
        var strange = places.Ask(Of("a", "1"), 0);
        Assert.Equal("own", Take(Of("a", "2", only: "own"), 0));
        Assert.False(strange.IsCompleted);
    }

    [Fact]
    public void Renew_QueueIsNew_BelievesWhoHasAPlace()
    {
        var (running, waiting) = (Of("a", "1"), Of("b", "2"));
        places.Renew(new GatewayView(
            Gateway, [Shared("w")], [new TicketView(running, 3, "w", Reached: true), new TicketView(waiting, 0, null, Reached: false)]));
        Assert.Equal(new QueueLoad(1, 1), places.Load);
        var asked = places.Ask(waiting, 0);
        Assert.False(asked.IsCompleted);
        places.Return(running.Id, 3, reached: true, rest: default);
        Assert.True(asked.IsCompleted);
    }

    [Fact]
    public void Renew_SentBeforeTheReturnOrTheEnd_TakesNothingBack()
    {
        Know(Gateway, Shared("w"));
        var (returned, ended) = (Of("a", "1"), Of("a", "2"));
        Take(returned, 0);
        var old = new GatewayView(
            Gateway, [Shared("w")], [new TicketView(returned, 0, "w", Reached: false), new TicketView(ended, 0, "w", Reached: false)]);
        places.Return(returned.Id, 0, reached: true, rest: default);
        Take(ended, 0);
        places.End(ended.Id);
        places.Renew(old);
        Assert.Equal(new QueueLoad(1, 0), places.Load);
        Assert.True(places.Ask(Of("a", "3"), 0).IsCompleted);
    }

    [Fact]
    public void Sweep_GatewayIsSilent_ItsPlacesAndTicketsLapse()
    {
        Know(Other, Shared("w"), Shared("x"));
        Take(Of("a", "1") with { Gateway = Other }, 0);
        clock.Now += FairPlaces.Life / 2;
        Know(Gateway, Shared("w"));
        var second = Of("a", "2");
        Assert.Equal("x", Take(second, 0));
        var waiting = places.Ask(Of("a", "3"), 0);
        Assert.False(waiting.IsCompleted);
        clock.Now += FairPlaces.Life / 2 + TimeSpan.FromTicks(1);
        places.Sweep();
        Assert.True(waiting.IsCompleted);
        Assert.Equal(new QueueLoad(0, 2), places.Load);
        Assert.Null(Take(Of("a", "4"), 0));
        // Only the silent gateway knew the other place.
        places.End(second.Id);
        Assert.Equal(new QueueLoad(1, 1), places.Load);
    }

    [Fact]
    public void Return_Unreached_ThePlaceRestsAndOthersWork()
    {
        Know(Gateway, Shared("dead"), Shared("alive"));
        var ticket = Of("a", "1");
        Assert.Equal("dead", Take(ticket, 0));
        Assert.Equal(TimeSpan.Zero, places.Return(ticket.Id, 0, reached: false, TimeSpan.FromMinutes(1)));
        for (var turn = 1; turn < 4; turn++)
        {
            Assert.Equal("alive", Take(ticket, turn));
            places.Return(ticket.Id, turn, reached: true, rest: default);
        }

        clock.Now += TimeSpan.FromMinutes(1);
        Know(Gateway, Shared("dead"), Shared("alive"));
        Assert.Equal("dead", Take(ticket, 4));
    }

    [Fact]
    public void Return_AllUnreached_CountsTheTimeUntilOneAnswers()
    {
        Know(Gateway, Shared("1"), Shared("2"));
        var (one, two) = (Of("a", "1"), Of("a", "2"));
        Take(one, 0);
        Take(two, 0);
        var rest = TimeSpan.FromSeconds(1);
        Assert.Equal(TimeSpan.Zero, places.Return(one.Id, 0, reached: false, rest)); // the other one may work
        places.Return(two.Id, 0, reached: false, rest);
        clock.Now += TimeSpan.FromSeconds(5);
        Know(Gateway, Shared("1"), Shared("2"));
        Take(one, 1);
        Assert.Equal(TimeSpan.FromSeconds(5), places.Return(one.Id, 1, reached: false, rest));
        clock.Now += rest;
        places.Sweep();
        Take(one, 2);
        Assert.Equal(TimeSpan.Zero, places.Return(one.Id, 2, reached: true, rest: default));
    }

    private string? Take(Ticket ticket, int turn)
    {
        var place = places.Ask(ticket, turn);
        return place.IsCompletedSuccessfully ? place.GetAwaiter().GetResult() : null;
    }

    private static PlaceView Shared(string name) => new(name, 1, Shared: true);

    private static Ticket Of(string tenant, string job, string? only = null, int? limit = null) =>
        new(Guid.NewGuid(), Gateway, tenant, job) { Only = only, TenantLimit = limit };

    private void Know(string gateway, params PlaceView[] known) => places.Renew(new GatewayView(gateway, known, []));

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
