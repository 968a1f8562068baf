using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Gateway.Cluster;

/// <summary>Keeps the silo from starting until Redis answers: without its server a silo does not start at all.</summary>
internal sealed partial class RedisStart(RedisServer server, ILogger<RedisStart> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await server.RunAsync(database => database.PingAsync(), ct: cancellationToken);
                return;
            }
            catch (StoreUnavailableException e)
            {
                LogWaiting(e.Message);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "This gateway waits for Redis before it starts. {Reason}")]
    private partial void LogWaiting(string reason);
}
