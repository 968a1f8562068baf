namespace Fewshot.Artifacts.Tests;

public sealed class FileArtifactStoreContract : ArtifactStoreContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<FileArtifactStore> opened = [];

    public void Dispose()
    {
        opened.ForEach(store => store.Dispose());
        folder.Dispose();
    }

    protected override IArtifactStore Open()
    {
        opened.Add(new FileArtifactStore(folder.Path));
        return opened[^1];
    }

    protected override Task DamageAsync(Digest digest, byte[] content) => File.WriteAllBytesAsync(folder[digest.Hex], content);
}
