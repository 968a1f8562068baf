using Fewshot.Compression.Parallel;
using Fewshot.Compression.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Tests;

public class SynthesisTermTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(0.6)]
    [InlineData(2)]
    public void ImagePrior_Gradient_EqualsAutograds(double beta)
    {
        using var scope = NewDisposeScope();
        var x = randn([3, 2, 7, 6], generator: new Generator(5, CPU)).requires_grad_(true);
        var (left, right) = (x.narrow(3, 0, 5), x.narrow(3, 1, 5));
        var variation = new[]
        {
            left - right,
            x.narrow(2, 0, 6) - x.narrow(2, 1, 6),
            left.narrow(2, 0, 6) - right.narrow(2, 1, 6),
            right.narrow(2, 0, 6) - left.narrow(2, 1, 6),
        }.Select(difference => difference.norm().pow(beta)).Aggregate((sum, term) => sum + term);
        ((variation * 0.3) + (x.norm() * 0.2)).backward();
        var gradient = ones_like(x);

        var (found, norm) = new ImagePrior(0.3, beta, 0.2).AddGradient(x.detach(), gradient);

        Assert.Equal(variation.item<float>(), found.item<float>(), 1e-4f);
        Assert.Equal(x.norm().item<float>(), norm.item<float>(), 1e-4f);
        Assert.InRange((gradient - 1 - x.grad!).abs().max().item<float>(), 0, 1e-5f);
    }

    [Fact]
    public void ImagePrior_EvenPixels_AddNothingThatIsNotFinite()
    {
        using var scope = NewDisposeScope();
        var gradient = zeros(1, 1, 4, 4);

        new ImagePrior(1, 0.6, 1).AddGradient(zeros(1, 1, 4, 4), gradient);

        Assert.Equal(0, gradient.abs().max().item<float>());
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 7)]
    [InlineData(2, 60)]
    public void NetworkTerms_TransformerInParts_GradientEqualsAutograds(int threads, int images)
    {
        using var scope = NewDisposeScope();
        using var network = SynthesisTests.Network("vit_d32_l2_h2_m48_p8");
        network.RequiresGrad(false);
        new ComputeSettings(CPU, Threads: threads).Apply();
        using var terms = new NetworkTerms(network, null, new SynthesisSettings(images), CPU);
        var x = randn(images, 3, 32, 32).requires_grad_(true);
        var target = tensor(Enumerable.Range(0, images).Select(image => (long)image % 10).ToArray());
        var expected = nn.functional.cross_entropy(network.Forward(x), target);
        expected.backward();

        var (gradient, found) = terms.Run(x.detach(), target);

        Assert.All(found.data<float>().ToArray().Zip([expected.item<float>(), 0f, 0f]), pair => Assert.Equal(pair.Second, pair.First, 1e-5f));
        Assert.InRange(((gradient - x.grad!).norm() / gradient.norm()).item<float>(), 0, 1e-4f);
    }

    [Fact]
    public void Jitter_Undone_IsWhereItWas()
    {
        using var scope = NewDisposeScope();
        var pixels = randn(1, 1, 9, 9);
        var rolls = Enumerable.Range(0, 200).Select(step => new Jitter(1, step, 0, 224)).ToArray();

        Assert.All(rolls.Take(20), jitter => Assert.True(jitter.Undo(jitter.Apply(pixels)).eq(pixels).all().item<bool>()));
        Assert.Equal((-30, 30), (rolls.Min(jitter => jitter.Down), rolls.Max(jitter => jitter.Right)));
        Assert.Contains(rolls, jitter => jitter.Flipped);
        Assert.Contains(rolls, jitter => !jitter.Flipped);
    }

    [Fact]
    public void PartCrew_OnePartFails_ItsExceptionEndsTheOthers()
    {
        using var crew = new PartCrew(3);
        var error = Assert.Throws<InvalidDataException>(() => crew.Run(part =>
        {
            if (part == 1)
                throw new InvalidDataException("broken");
            crew.Meet();
        }));
        Assert.Equal("broken", error.Message);
    }

    [Fact]
    public void PartCrew_ManyRuns_EveryPartEveryTime()
    {
        var threads = get_num_threads();
        var seen = new int[2];
        using (var crew = new PartCrew(2))
        {
            for (var run = 0; run < 100; run++)
                crew.Run(part => seen[part] += get_num_threads());
        }

        Assert.Equal([100, 100], seen);
        Assert.Equal(threads, get_num_threads());
    }
}
