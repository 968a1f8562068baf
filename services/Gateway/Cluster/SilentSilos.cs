using System.Diagnostics;
using Orleans.Runtime;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Sends a gateway away that others reach but that does not reach Redis: it can write nothing any more, while the cluster, whose probes it
/// answers, leaves its jobs to it. Whoever can still write sees that it says nothing there; itself it ends, and waits for Redis when it is
/// started again.
/// </summary>
internal sealed partial class SilentSilos(
    IMembershipTable table, ILocalSiloDetails own, ISiloStatusOracle silos, IFatalErrorHandler end, ILogger<SilentSilos> logger) : BackgroundService
{
    // Silos say that they are alive every two seconds. A connection that was lost is made again within ten.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2), Longest = TimeSpan.FromSeconds(16), Own = 1.5 * Longest;

    private readonly Dictionary<SiloAddress, (DateTime Said, long Since)> heard = [];

    private long reached = Stopwatch.GetTimestamp();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var timer = new PeriodicTimer(Interval);
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await LookAsync();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task LookAsync()
    {
        MembershipTableData now;
        var asked = Stopwatch.GetTimestamp();
        try
        {
            now = await table.ReadAllAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Nobody may be able to write just now.
            heard.Clear();
            EndIfAlone();
            return;
        }

        reached = Stopwatch.GetTimestamp();
        // So it is where this process itself stood still.
        if (Stopwatch.GetElapsedTime(asked) > Interval)
            heard.Clear();
        foreach (var (entry, tag) in now.Members)
        {
            if (entry.Status != SiloStatus.Active || entry.SiloAddress.Equals(own.SiloAddress))
                continue;
            if (!heard.TryGetValue(entry.SiloAddress, out var before) || before.Said != entry.IAmAliveTime)
                heard[entry.SiloAddress] = (entry.IAmAliveTime, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(before.Since) > Longest)
                await SendAwayAsync(entry, tag, now.Version);
        }
    }

    /// <summary>By now the others, if they reach Redis, have sent this gateway away, and it does not hear of it.</summary>
    private void EndIfAlone()
    {
        if (Stopwatch.GetElapsedTime(reached) < Own || silos.GetActiveSilos().Length < 2)
            return;
        LogEnds();
        end.OnFatalException(this, "Redis cannot be reached");
    }

    private async Task SendAwayAsync(MembershipEntry entry, string tag, TableVersion version)
    {
        LogSilent(entry.SiloAddress.ToString());
        heard.Remove(entry.SiloAddress);
        entry.Status = SiloStatus.Dead;
        entry.AddSuspector(own.SiloAddress, DateTime.UtcNow);
        try
        {
            await table.UpdateRowAsync(entry, tag, version.Next());
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Another one may have been quicker.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Critical, Message = "Redis could not be reached for too long: this gateway ends, and the others go on without it")]
    private partial void LogEnds();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The gateway {Silo} has written nothing to Redis for long; it is sent away")]
    private partial void LogSilent(string silo);
}
