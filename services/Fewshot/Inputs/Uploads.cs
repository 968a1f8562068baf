using Fewshot.Cli.Grpc;
using Fewshot.Imaging;
using Fewshot.Models;

namespace Fewshot.Cli.Inputs;

/// <summary>Inputs as artifacts of a gateway.</summary>
internal static class Uploads
{
    public static Task<string> ModelAsync(this ArtifactTransfer transfer, Network network, CancellationToken ct) =>
        ThroughFileAsync(transfer, file => Checkpoint.Save(network, file), ct);

    public static Task<string> ImagesAsync(this ArtifactTransfer transfer, ImageSet images, CancellationToken ct) =>
        ThroughFileAsync(transfer, file => ImageSetFile.Write(file, images), ct);

    private static async Task<string> ThroughFileAsync(ArtifactTransfer transfer, Action<Stream> write, CancellationToken ct)
    {
        var path = Path.Combine(Path.GetTempPath(), $"fewshot-{Guid.NewGuid():n}");
        try
        {
            await using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
                write(file);
            return await transfer.UploadAsync(path, ct);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
