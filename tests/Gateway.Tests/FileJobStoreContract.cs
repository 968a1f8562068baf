using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;

namespace Fewshot.Gateway.Tests;

public sealed class FileJobStoreContract : JobStoreContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<IDisposable> opened = [];

    public void Dispose()
    {
        opened.ForEach(one => one.Dispose());
        folder.Dispose();
    }

    protected override IJobStore Open() => Opened(new FileJobStore(folder["jobs"]));

    protected override IStepLedger OpenLedger(TimeSpan leaseDuration) => Opened(new FileStepLedger(folder["ledger"], leaseDuration));

    private T Opened<T>(T one)
        where T : IDisposable
    {
        opened.Add(one);
        return one;
    }
}
