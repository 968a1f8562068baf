using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

public sealed class RedisStepLedgerContract(RedisProcess redis) : StepLedgerContract, IClassFixture<RedisProcess>, IDisposable
{
    private readonly List<RedisServer> opened = [];

    public void Dispose() => opened.ForEach(server => server.Dispose());

    protected override IStepLedger Open(TimeSpan leaseDuration)
    {
        opened.Add(new RedisServer(redis.Address));
        return new RedisStepLedger(opened[^1], leaseDuration);
    }
}
