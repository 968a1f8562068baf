using Polly;
using Polly.Retry;
using Polly.Timeout;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>
/// One shared connection to a Redis server, made when first needed. What is sent through it is repeated while the connection is down or an
/// answer stays away, so it must be harmless when it is done twice.
/// </summary>
/// <param name="address">Where the server is.</param>
/// <param name="patience">How long an operation is repeated before it fails; 10 s when null.</param>
public sealed class RedisServer(RedisAddress address, TimeSpan? patience = null) : IDisposable
{
    /// <summary>What every key begins with.</summary>
    public const string Prefix = "fewshot:";

    private static readonly string[] Passing = ["LOADING", "READONLY", "MASTERDOWN", "BUSY", "TRYAGAIN", "MISCONF", "NOREPLICAS", "CLUSTERDOWN"];
    private readonly Lock gate = new();
    private readonly ResiliencePipeline retries = new ResiliencePipelineBuilder()
        .AddTimeout(patience ?? TimeSpan.FromSeconds(10))
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && IsPassing(e)),
            MaxRetryAttempts = int.MaxValue,
            Delay = TimeSpan.FromMilliseconds(25),
            MaxDelay = TimeSpan.FromMilliseconds(500),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    private Task<ConnectionMultiplexer>? connection;
    private bool disposed;

    /// <summary>Where the server is.</summary>
    public RedisAddress Address { get; } = address;

    /// <summary>Runs a script, which must be harmless when it runs twice.</summary>
    /// <inheritdoc cref="RunAsync"/>
    public Task<RedisResult> EvaluateAsync(string script, RedisKey[] keys, RedisValue[] values, bool once = false, CancellationToken ct = default) =>
        RunAsync(database => database.ScriptEvaluateAsync(script, keys, values), once, ct);

    /// <summary>Runs an operation, which must be harmless when it is done twice.</summary>
    /// <param name="operation">What to send.</param>
    /// <param name="once">Fails at the first failure.</param>
    /// <param name="ct">Gives up; the operation may be done or not.</param>
    /// <exception cref="StoreUnavailableException">The server could not be reached, or did not answer; the operation may be done or not.</exception>
    /// <exception cref="StoreFullException">The server's memory is full; nothing was done.</exception>
    public async Task<T> RunAsync<T>(Func<IDatabase, Task<T>> operation, bool once = false, CancellationToken ct = default)
    {
        Exception? last = null;
        try
        {
            return once ? await AttemptAsync(ct) : await retries.ExecuteAsync(async stop => await AttemptAsync(stop), ct);
        }
        catch (Exception e) when (e is TimeoutRejectedException || IsPassing(e))
        {
            throw new StoreUnavailableException($"The Redis server {Address} cannot be reached or does not answer ({Reason(last ?? e)}): check that it is up, and the user and password.", last ?? e) { Kind = "Redis server" };
        }
        catch (RedisServerException e) when (e.Message.StartsWith("OOM", StringComparison.Ordinal))
        {
            throw new StoreFullException("The memory of the Redis server is full: raise its maxmemory or remove what is not needed.", e);
        }

        async Task<T> AttemptAsync(CancellationToken stop)
        {
            try
            {
                var database = (await ConnectAsync(stop)).GetDatabase();
                return await operation(database).WaitAsync(stop);
            }
            catch (Exception e)
            {
                last = e is OperationCanceledException ? last : e;
                throw;
            }
        }
    }

    /// <summary>Hears what is published on a channel, as long as the connection stands: messages may be missed. The handler must be quick.</summary>
    public async Task SubscribeAsync(string channel, Action<string> hear, CancellationToken ct = default)
    {
        var subscriber = (await ConnectAsync(ct)).GetSubscriber();
        await subscriber.SubscribeAsync(RedisChannel.Literal(Prefix + channel), (_, message) => hear(message.ToString()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (!disposed && connection is { IsCompletedSuccessfully: true } made)
                made.Result.Dispose();
            disposed = true;
        }
    }

    private static bool IsPassing(Exception e) => e switch
    {
        RedisConnectionException or TimeoutException => true,
        RedisServerException => Passing.Any(code => e.Message.StartsWith(code, StringComparison.Ordinal)),
        _ => false,
    };

    private static string Reason(Exception e) => e switch
    {
        RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection } => "no connection",
        RedisConnectionException connection => connection.FailureType.ToString(),
        RedisServerException => e.Message,
        _ => "no answer in time",
    };

    private async Task<ConnectionMultiplexer> ConnectAsync(CancellationToken ct)
    {
        Task<ConnectionMultiplexer> made;
        lock (gate)
        {
            if (connection is null or { IsFaulted: true })
                connection = Task.Run(() => ConnectionMultiplexer.ConnectAsync(Address.ToConfiguration()), CancellationToken.None);
            made = connection;
        }

        return await made.WaitAsync(ct);
    }
}
