using System.Diagnostics;
using System.Security.Cryptography;

namespace Fewshot.Artifacts.Tests;

public sealed class FileArtifactStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FileArtifactStore store;

    public FileArtifactStoreTests() => store = new FileArtifactStore(folder.Path);

    public void Dispose()
    {
        store.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Constructor_MissingFolder_IsMadeForThisUserAlone()
    {
        if (OperatingSystem.IsWindows())
            return;
        const UnixFileMode shared = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;
        using var made = new FileArtifactStore(folder["above/new"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder["above/new"]));
        Directory.CreateDirectory(folder["old"], shared);
        using var kept = new FileArtifactStore(folder["old"]);
        Assert.Equal(shared, File.GetUnixFileMode(folder["old"]));
    }

    [Fact]
    public async Task PutAsync_OtherBytesThanAnnounced_StoresNothing()
    {
        var announced = Digest.Of("right"u8);
        var error = await Assert.ThrowsAsync<DigestMismatchException>(() => store.PutAsync(new MemoryStream([1, 2]), announced));
        Assert.Equal(announced, error.Expected);
        Assert.Null(await store.StatAsync(announced));
        Assert.Null(await store.StatAsync(error.Actual));
        Assert.Empty(Files());
    }

    [Fact]
    public async Task PutAsync_SourceFailsHalfway_StoresNothing()
    {
        await Assert.ThrowsAsync<EndOfStreamException>(() => store.PutAsync(new BrokenStream(300_000)));
        Assert.Empty(Files());
    }

    [Fact]
    public void Constructor_TempFilesOfDeadAndLivingProcesses_RemovesTheDeadOnes()
    {
        File.WriteAllText(folder[".live/dead"], "");
        File.WriteAllText(folder[".tmp-dead-1"], "half");
        using var living = OtherProcess.Holding(folder[".live/living"]);
        File.WriteAllText(folder[".tmp-living-1"], "half");
        using (new FileArtifactStore(folder.Path))
            Assert.Equal([".tmp-living-1"], Files());
        living.Kill();
        using (new FileArtifactStore(folder.Path))
            Assert.Empty(Files());
    }

    [SkippableFact]
    public async Task PutAsync_DiskFull_ThrowsStoreFullAndLeavesNothing()
    {
        using var small = new TemporaryFolder();
        Skip.If(Run("mount", "-t", "tmpfs", "-o", "size=256k", "fewshot-test", small.Path) != 0, "Mounting a small disk needs root.");
        try
        {
            using var full = new FileArtifactStore(small.Path);
            await Assert.ThrowsAsync<StoreFullException>(() => full.PutAsync(new MemoryStream(new byte[1 << 20])));
            Assert.Empty(Directory.EnumerateFiles(small.Path));
            var digest = await full.PutBytesAsync(new byte[1000]);
            Assert.Equal(1000, (await full.StatAsync(digest))!.SizeBytes);
        }
        finally
        {
            Run("umount", small.Path);
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private string[] Files() => Directory.EnumerateFiles(folder.Path).Select(f => Path.GetFileName(f)!).ToArray();

    private sealed class BrokenStream(int good) : MemoryStream(new byte[good])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is > 0 and var count ? count : throw new EndOfStreamException("The connection broke.");
    }
}
