using Fewshot.Cli.Grpc;
using Fewshot.Cli.Options;

namespace Fewshot.Cli.Inputs;

/// <summary>What a compression trains on: uploaded images, or images that are made out of the network first.</summary>
/// <param name="Digest">Of the uploaded set; empty where there is none.</param>
internal sealed record TrainingImages(string Digest, SyntheticImageSettings? Synthetic)
{
    /// <exception cref="CommandException">Nothing is there, or fewer images than asked, or none can be decoded.</exception>
    public static async Task<TrainingImages> UploadAsync(
        ArtifactTransfer transfer, ImageSettings images, SyntheticImageSettings synthesis, Action<string> note, CancellationToken ct) => images.Synthetic is { } count
        ? new TrainingImages("", synthesis with { Images = count })
        : new TrainingImages(await transfer.ImagesAsync(ImageInput.Sample(images, note, ct), ct), null);
}
