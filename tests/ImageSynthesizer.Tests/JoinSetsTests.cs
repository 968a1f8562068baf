using Fewshot.Imaging;
using Fewshot.StageTests;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer.Tests;

public sealed class JoinSetsTests
{
    [Fact]
    public async Task JoinSets_TwoSets_AreOneInTheirOrderWithAPreview()
    {
        await using var host = await Service.StartedAsync();
        string[] sets = [await host.ImagesAsync(3, labeled: true), await host.ImagesAsync(2, labeled: true)];

        var joined = await JoinAsync(host, new JoinSetsRequest { ImageSetDigests = { sets } });

        var parts = await Task.WhenAll(sets.Select(async set => ImageSetFile.Read(await host.FileAsync(set))));
        var all = ImageSetFile.Read(await host.FileAsync(joined.ImageSetDigest));
        Assert.Equal(5, joined.Images);
        Assert.Equal((4, false), (all.ClassCount, all.Prepared));
        Assert.Equal(parts.SelectMany(part => part.Entries).Select(entry => (entry.Label, Convert.ToHexString(entry.Encoded))), all.Entries.Select(entry => (entry.Label, Convert.ToHexString(entry.Encoded))));
        var preview = ImageDecoder.Decode(await File.ReadAllBytesAsync(await host.FileAsync(joined.PreviewDigest)));
        Assert.Equal((296, 198), (preview.Width, preview.Height));
        Assert.Equal(joined, await JoinAsync(host, new JoinSetsRequest { ImageSetDigests = { sets } }));
    }

    [Fact]
    public async Task JoinSets_ManyImages_DrawsTheFirst()
    {
        await using var host = await Service.StartedAsync();
        var joined = await JoinAsync(host, new JoinSetsRequest { ImageSetDigests = { await host.ImagesAsync(7) }, PreviewImages = 1 });
        var preview = ImageDecoder.Decode(await File.ReadAllBytesAsync(await host.FileAsync(joined.PreviewDigest)));
        Assert.Equal((100, 100, 7), (preview.Width, preview.Height, joined.Images));
    }

    [Fact]
    public async Task JoinSets_UnusableImages_AreNotDrawn()
    {
        await using var host = await Service.StartedAsync();
        var joined = await JoinAsync(host, new JoinSetsRequest { ImageSetDigests = { await host.ImagesAsync(2, hostile: true) } });
        var preview = ImageDecoder.Decode(await File.ReadAllBytesAsync(await host.FileAsync(joined.PreviewDigest)));
        Assert.Equal((198, 100, 4), (preview.Width, preview.Height, joined.Images));
    }

    [Fact]
    public async Task JoinSets_BadSets_SayWhatIsWrong()
    {
        await using var host = await Service.StartedAsync();
        var (labeled, unlabeled) = (await host.ImagesAsync(2, labeled: true), await host.ImagesAsync(2));
        await RefusedAsync(StatusCode.InvalidArgument, "image_set_digests: must name at least one set.");
        await RefusedAsync(StatusCode.InvalidArgument, "image_set_digests:", "nonsense");
        await RefusedAsync(StatusCode.NotFound, "sha256:0000", "sha256:" + new string('0', 64));
        await RefusedAsync(StatusCode.FailedPrecondition, "image", await host.NetworkAsync());
        await RefusedAsync(StatusCode.FailedPrecondition, "has no classes, the sets before it 4.", labeled, unlabeled);

        async Task RefusedAsync(StatusCode code, string message, params string[] sets)
        {
            var error = await Assert.ThrowsAsync<RpcException>(() => JoinAsync(host, new JoinSetsRequest { ImageSetDigests = { sets } }));
            Assert.True(error.StatusCode == code && error.Status.Detail.Contains(message, StringComparison.Ordinal), error.Status.ToString());
        }
    }

    private static async Task<JoinSetsResponse> JoinAsync(StageHost host, JoinSetsRequest request) =>
        await new ImageSynthesizerService.ImageSynthesizerServiceClient(host.Channel).JoinSetsAsync(request, deadline: StageHost.Deadline);
}
