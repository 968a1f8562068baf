using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tests;

public sealed class JobPlacesTests
{
    private static readonly Tenant Limited = new("limited") { MaxRunningJobs = 1 }, Free = new("free");

    [Fact]
    public async Task TakeAsync_TenantAtItsLimit_IsOvertakenAndGoesOnInTurn()
    {
        var places = new JobPlaces(3);
        var first = await places.TakeAsync(Limited, default);
        var (second, third) = (places.TakeAsync(Limited, default), places.TakeAsync(Limited, default));
        var overtaking = await places.TakeAsync(Free, default);
        Assert.False(second.IsCompleted || third.IsCompleted);
        first.Dispose();
        first.Dispose();
        using var now = await second;
        Assert.False(third.IsCompleted);
        overtaking.Dispose();
        Assert.False(third.IsCompleted);
        now.Dispose();
        (await third).Dispose();
    }

    [Fact]
    public async Task TakeAsync_NoPlaceLeft_IsInTurnAndWhoGivesUpIsPassedOver()
    {
        var places = new JobPlaces(1);
        var held = await places.TakeAsync(Free, default);
        using var gone = new CancellationTokenSource();
        var (given, next) = (places.TakeAsync(Free, gone.Token), places.TakeAsync(Free, default));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        held.Dispose();
        (await next).Dispose();
        (await places.TakeAsync(Free, default)).Dispose();
    }
}
