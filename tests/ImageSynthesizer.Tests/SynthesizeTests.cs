using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.StageTests;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer.Tests;

public sealed class SynthesizeTests
{
    [Fact]
    public async Task Synthesize_Defaults_StoresLabeledImagesAndRemembersThem()
    {
        await using var host = await Service.StartedAsync();
        var request = new SynthesizeRequest { NetworkDigest = await host.NetworkAsync(), Images = 3, Iterations = 4, Seed = 5 };

        var made = await Service.RunAsync(host, request);

        Assert.False(made.Step.Cached);
        Assert.Equal((3, SynthesisMethod.Deepinversion), (made.Result.Images, made.Result.Method));
        Assert.InRange(made.Result.TeacherTop1, 0, 1);
        var set = ImageSetFile.Read(await host.FileAsync(made.Result.ImageSetDigest));
        Assert.Equal(["000000.png", "000001.png", "000002.png"], set.Entries.Select(entry => entry.Name));
        Assert.Equal((4, true), (set.ClassCount, set.Prepared));
        Assert.All(set.Entries, entry => Assert.Equal((32, 32), Size(ImageDecoder.Decode(entry.Encoded))));
        Assert.True((await Service.RunAsync(host, request)).Step.Cached);
    }

    [Fact]
    public async Task Synthesize_SeveralBatches_EachIsDoneForItself()
    {
        await using var host = await Service.StartedAsync();
        var request = new SynthesizeRequest { NetworkDigest = await host.NetworkAsync(), Images = 5, BatchSize = 2, Iterations = 3 };

        var all = await Service.RunAsync(host, request);

        var parts = new List<ImageSetEntry>();
        foreach (var (first, count) in new[] { (0, 2), (2, 2), (4, 1) })
        {
            var alone = request.Clone();
            (alone.FirstImage, alone.Images) = (first, count);
            var part = await Service.RunAsync(host, alone);
            Assert.True(part.Step.Cached);
            parts.AddRange(ImageSetFile.Read(await host.FileAsync(part.Result.ImageSetDigest)).Entries);
        }

        Assert.Equal(parts.Select(Whole), ImageSetFile.Read(await host.FileAsync(all.Result.ImageSetDigest)).Entries.Select(Whole));
    }

    [Fact]
    public async Task Synthesize_AnotherGrouping_GivesTheSameImages()
    {
        await using var one = await Service.StartedAsync();
        await using var other = await Service.StartedAsync();
        var request = new SynthesizeRequest { NetworkDigest = await one.NetworkAsync(), Images = 4, BatchSize = 2, Iterations = 3 };
        await other.NetworkAsync();
        var second = request.Clone();
        (second.FirstImage, second.Images) = (2, 2);

        var all = ImageSetFile.Read(await one.FileAsync((await Service.RunAsync(one, request)).Result.ImageSetDigest));
        var last = ImageSetFile.Read(await other.FileAsync((await Service.RunAsync(other, second)).Result.ImageSetDigest));

        Assert.Equal(all.Entries.Skip(2).Select(Whole), last.Entries.Select(Whole));
    }

    [Fact]
    public async Task Synthesize_AdaptiveTerm_TakesAStudent()
    {
        await using var host = await Service.StartedAsync();
        var network = await host.NetworkAsync();
        var request = new SynthesizeRequest { NetworkDigest = network, Images = 2, Iterations = 2, AdaptiveWeight = 10, StudentDigest = network };
        Assert.Equal(2, (await Service.RunAsync(host, request)).Result.Images);
    }

    [Fact]
    public async Task Synthesize_Transformer_DreamsOnly()
    {
        await using var host = await Service.StartedAsync();
        var request = new SynthesizeRequest { NetworkDigest = await TransformerAsync(host), Images = 2, Iterations = 2 };
        Assert.Equal(SynthesisMethod.Deepdream, (await Service.RunAsync(host, request)).Result.Method);
        request.Method = SynthesisMethod.Deepinversion;
        await Service.RefusedAsync(host, request, StatusCode.FailedPrecondition, "has no batch norm; use deepdream");
    }

    [Fact]
    public async Task Synthesize_LossBlowsUp_NamesStepAndTerm()
    {
        await using var host = await Service.StartedAsync();
        var large = await host.PutAsync(stream =>
        {
            using var network = ModelCatalog.Build(new NetworkSpec("cifar_resnet20", 4, Preprocessing.Cifar, []), seed: 7);
            using var guard = TorchSharp.torch.no_grad();
            network.Classifier.Weight.fill_(1e38f);
            Checkpoint.Save(network, stream);
        });
        var request = new SynthesizeRequest { NetworkDigest = large, Images = 2, Iterations = 2 };
        await Service.RefusedAsync(host, request, StatusCode.Aborted, "synthesize: the cross entropy became NaN or infinite at step 0");
    }

    [Fact]
    public async Task Synthesize_BrokenWeights_AreRefused()
    {
        await using var host = await Service.StartedAsync();
        await Service.RefusedAsync(host, new SynthesizeRequest { NetworkDigest = await host.NetworkAsync(broken: true) }, StatusCode.FailedPrecondition, "finite");
    }

    [Theory]
    [InlineData("images", "-1")]
    [InlineData("images", "100001")]
    [InlineData("iterations", "-1")]
    [InlineData("batch_size", "4097")]
    [InlineData("first_image", "3")]
    [InlineData("first_image", "-50")]
    [InlineData("learning_rate", "\"NaN\"")]
    [InlineData("total_variation_weight", "-1")]
    [InlineData("total_variation_beta", "5")]
    [InlineData("l2_weight", "1e9")]
    [InlineData("batch_norm_weight", "-1")]
    [InlineData("adaptive_weight", "-1")]
    [InlineData("adaptive_weight", "1")]
    [InlineData("student_digest", "\"nonsense\"")]
    [InlineData("method", "7")]
    [InlineData("network_digest", "\"nonsense\"")]
    public async Task Synthesize_FieldOutOfRange_IsNamed(string field, string value)
    {
        await using var host = await Service.StartedAsync();
        var request = SynthesizeRequest.Parser.ParseJson($"{{\"{field}\":{value}}}");
        if (field != "network_digest")
            request.NetworkDigest = await host.NetworkAsync();
        var named = (field, value) switch
        {
            ("adaptive_weight", "1") => "student_digest",
            ("student_digest", _) => "adaptive_weight",
            _ => field,
        };
        await Service.RefusedAsync(host, request, StatusCode.InvalidArgument, named + ":");
    }

    [Fact]
    public async Task Synthesize_MixedPrecision_IsRefused()
    {
        await using var host = await Service.StartedAsync();
        var request = new SynthesizeRequest { NetworkDigest = await host.NetworkAsync(), Compute = new() { MixedPrecision = true } };
        await Service.RefusedAsync(host, request, StatusCode.InvalidArgument, "compute.mixed_precision:");
    }

    private static Task<string> TransformerAsync(StageHost host) => host.PutAsync(stream =>
    {
        var preprocessing = ModelCatalog.Find("vit_d32_l2_h2_m48_p8").Preprocessing with { Size = 16, Resize = 0, Mean = [0.5], Std = [0.5] };
        using var network = ModelCatalog.Build(new NetworkSpec("vit_d32_l2_h2_m48_p8", 4, preprocessing, []), seed: 7);
        Checkpoint.Save(network, stream);
    });

    private static (int Width, int Height) Size(Image image) => (image.Width, image.Height);

    private static string Whole(ImageSetEntry entry) => $"{entry.Name} {entry.Label} {Convert.ToHexString(entry.Encoded)}";
}
