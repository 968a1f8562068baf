using System.Runtime.InteropServices;
using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.TorchSharp;

/// <summary>What the fused layers promise beside their values, which <see cref="Parity.FusedLayerCases"/> compares.</summary>
[Collection(nameof(LeakTests))]
public sealed class FusedLayerTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    [Fact]
    public void Attention_OfOneProduct_JoinsItsHeadsWithoutACopy()
    {
        var attended = Attend(torch.randn(3, 9, 48));
        Assert.True(attended.transpose(1, 2).is_contiguous());
    }

    [Theory]
    [InlineData(50, 64)]
    [InlineData(70, 12)]
    public void Layers_OneThreadAndTwo_GiveTheSameBits(int tokens, int width)
    {
        var threads = torch.get_num_threads();
        try
        {
            var runs = ((int[])[1, 2]).Select(count =>
            {
                torch.set_num_threads(count);
                torch.manual_seed(4);
                return Step(torch.randn(40, tokens, 3 * width), torch.randn(3 * width, 3 * width), torch.randn(3 * width), torch.randn(3 * width));
            }).ToArray();
            for (var k = 0; k < runs[0].Length; k++)
                Assert.True(runs[0][k].bytes.SequenceEqual(runs[1][k].bytes), $"tensor {k} depends on the number of threads");
        }
        finally
        {
            torch.set_num_threads(threads);
        }
    }

    [Fact]
    public void Layers_RecordedAndDisposed_LeaveNoReferences()
    {
        LeakTests.Settle();
        var before = torch.Tensor.LiveReferences;
        using (torch.NewDisposeScope())
        {
            Step(torch.randn(2, 5, 24), torch.randn(24, 24), torch.randn(24), torch.randn(24));
            Step(torch.randn(2, 5, 24), torch.randn(24, 24), torch.randn(24), torch.randn(24), torch.randn(2, 5, 5));
            using (torch.no_grad())
                F.gelu(F.layer_norm(Attend(torch.randn(2, 5, 24)), [4]));
        }
        Assert.Equal(before, torch.Tensor.LiveReferences);
    }

    [Fact]
    public void Attention_InputChangedBeforeTheBackwardPass_Refuses()
    {
        var product = torch.randn([3, 9, 48], requires_grad: true) * 2;
        var attended = Attend(product);
        using (torch.no_grad())
            product.mul_(2);
        var error = Assert.Throws<ExternalException>(() => attended.sum().backward());
        Assert.Contains("inplace", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attention_FrozenPart_GivesGradientsOfTheOthersOnly()
    {
        var query = torch.randn([2, 3, 5, 8], requires_grad: true);
        var (key, value) = (torch.randn(2, 3, 6, 8), torch.randn([2, 3, 6, 8], requires_grad: true));
        F.scaled_dot_product_attention(query, key, value).sum().backward();
        Assert.NotNull(query.grad);
        Assert.NotNull(value.grad);
        Assert.Null(key.grad);
    }

    [Fact]
    public void Attention_InInferenceMode_GivesTheSame()
    {
        var product = torch.randn(3, 9, 48);
        var expected = Attend(product);
        using (torch.inference_mode())
            Assert.True(Attend(product).equal(expected));
    }

    public void Dispose() => scope.Dispose();

    private static torch.Tensor Attend(torch.Tensor product, torch.Tensor? mask = null)
    {
        var heads = product.view(product.shape[0], product.shape[1], 3, 2, -1).unbind(2);
        return F.scaled_dot_product_attention(heads[0].transpose(1, 2), heads[1].transpose(1, 2), heads[2].transpose(1, 2), mask);
    }

    // One attention layer; its output and the gradients of everything.
    private static torch.Tensor[] Step(torch.Tensor x, torch.Tensor weight, torch.Tensor scale, torch.Tensor shift, torch.Tensor? mask = null)
    {
        torch.Tensor[] leaves = mask is null ? [x, weight, scale, shift] : [x, weight, scale, shift, mask];
        foreach (var leaf in leaves)
            leaf.requires_grad = true;
        var normal = F.layer_norm(x, [x.shape[^1]], scale, shift);
        var output = F.gelu(Attend(F.linear(normal, weight, shift), mask).transpose(1, 2).reshape(x.shape[0], x.shape[1], -1));
        return [output.detach(), .. torch.autograd.grad([output.square().sum()], leaves)];
    }
}
