using System.Diagnostics;
using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Gateway.Scaling;

/// <summary>
/// What the gateways that share a Redis need together: who scales workers asks any one of them. Each tells its own counts, which lapse when it
/// does not tell them again. Without Redis a gateway has no peers.
/// </summary>
public sealed partial class PeerLoads(StageLoads own, ILogger<PeerLoads> logger, RedisServer? server = null) : BackgroundService
{
    private const string Key = RedisServer.Prefix + "stage-loads";
    private const int LifeSeconds = 15;

    /// <summary>KEYS: loads. ARGV: gateway, seconds they count, counts.</summary>
    private const string Tell = """
        redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] + ARGV[2] .. ' ' .. ARGV[3])
        redis.call('EXPIRE', KEYS[1], ARGV[2])
        """;

    /// <summary>KEYS: loads. ARGV: gateway. The other gateways' counts; those that lapsed are removed.</summary>
    private const string Ask = """
        local now, found, all = tonumber(redis.call('TIME')[1]), {}, redis.call('HGETALL', KEYS[1])
        for i = 1, #all, 2 do
          local space = string.find(all[i + 1], ' ')
          if tonumber(string.sub(all[i + 1], 1, space - 1)) < now then redis.call('HDEL', KEYS[1], all[i])
          elseif all[i] ~= ARGV[1] then found[#found + 1] = string.sub(all[i + 1], space + 1) end
        end
        return found
        """;

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(LifeSeconds / 3);
    private readonly string id = Guid.NewGuid().ToString("n");
    private readonly SemaphoreSlim asking = new(1);
    private (long? At, ILookup<string, int> Counts) others = (null, Read([]));

    /// <summary>How many steps of a stage need a worker, at all gateways; at this one alone while Redis cannot be reached.</summary>
    public async Task<int> DemandAsync(string stage, CancellationToken ct) =>
        own.ByName[stage].Look().Load.Demand + (server is null ? 0 : (await OthersAsync(server, ct))[stage].Sum());

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (server is not null)
            await TryAsync(() => server.RunAsync(database => database.HashDeleteAsync(Key, id), once: true, cancellationToken));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        asking.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (server is null)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            var looks = own.ByName.Select(stage => (stage.Key, Look: stage.Value.Look())).ToArray();
            var counts = string.Join(' ', looks.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}={one.Look.Load.Demand}")));
            await TryAsync(() => server.EvaluateAsync(Tell, [Key], [id, LifeSeconds, counts], once: true, stoppingToken));
            await Task.Delay(Shortest, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAny([.. looks.Select(one => one.Look.Changed), Task.Delay(Longest - Shortest, stoppingToken)]);
        }
    }

    private static ILookup<string, int> Read(IEnumerable<string> told) => told.SelectMany(counts => counts.Split(' ')).Select(count => count.Split('='))
        .ToLookup(count => count[0], count => int.Parse(count[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);

    /// <summary>Asked once a second at most, however often they are wanted.</summary>
    private async Task<ILookup<string, int>> OthersAsync(RedisServer from, CancellationToken ct)
    {
        await asking.WaitAsync(ct);
        try
        {
            if (others.At is { } at && Stopwatch.GetElapsedTime(at) < Shortest)
                return others.Counts;
            others = (Stopwatch.GetTimestamp(), Read([]));
            await TryAsync(async () => others.Counts = Read((string[])(await from.EvaluateAsync(Ask, [Key], [id], once: true, ct))!));
            return others.Counts;
        }
        finally
        {
            asking.Release();
        }
    }

    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or OperationCanceledException)
        {
            LogUnreachable(e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The gateways' loads are not shared just now: {Reason}")]
    private partial void LogUnreachable(string reason);
}
