using Orleans.GrainDirectory;
using Orleans.Runtime;
using StackExchange.Redis;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Looks from time to time whether a grain is still where the directory says. A server that was emptied knows no grains any more, and
/// others would be activated beside those that live.
/// </summary>
public sealed class ActivationWatch(IServiceProvider services)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly IGrainDirectory? directory =
        services.GetKeyedService<IGrainDirectory>(GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY);

    /// <summary>Begins to look, for as long as a grain is active.</summary>
    public void Begin(IGrainBase grain)
    {
        if (directory is null)
            return;
        var often = new GrainTimerCreationOptions { DueTime = Interval, Period = Interval, Interleave = true };
        grain.RegisterGrainTimer(_ => CheckAsync(grain, directory), often);
    }

    private static async Task CheckAsync(IGrainBase grain, IGrainDirectory directory)
    {
        var context = grain.GrainContext;
        if (context.Address is not { } own)
            return;
        try
        {
            var registered = await directory.Lookup(context.GrainId) ?? await directory.Register(own);
            // There is another one, which others use by now.
            if (registered is not null && registered.ActivationId != context.ActivationId)
                grain.DeactivateOnIdle();
        }
        catch (Exception e) when (e is RedisException or TimeoutException or OrleansException)
        {
            // Next time.
        }
    }
}
