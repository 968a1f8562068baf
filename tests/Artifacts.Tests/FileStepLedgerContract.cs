namespace Fewshot.Artifacts.Tests;

public sealed class FileStepLedgerContract : StepLedgerContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<FileStepLedger> opened = [];

    public void Dispose()
    {
        opened.ForEach(ledger => ledger.Dispose());
        folder.Dispose();
    }

    protected override IStepLedger Open(TimeSpan leaseDuration)
    {
        opened.Add(new FileStepLedger(folder.Path, leaseDuration));
        return opened[^1];
    }
}
