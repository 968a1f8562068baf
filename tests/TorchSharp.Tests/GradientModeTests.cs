using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;

namespace Fewshot.TorchSharp;

public sealed class GradientModeTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void NoGrad_Nested_RestoresTheModeBefore()
    {
        var parameter = new Parameter(torch.ones(2));
        using (torch.no_grad())
        {
            Assert.False((parameter * 2).requires_grad);
            using (torch.enable_grad())
                Assert.True((parameter * 2).requires_grad);
            Assert.False(torch.is_grad_enabled());
        }
        Assert.True((parameter * 2).requires_grad);
    }

    [Fact]
    public void InferenceMode_Entered_ResultsCannotBeTrained()
    {
        torch.Tensor made;
        using (torch.inference_mode())
        {
            Assert.True(torch.is_inference_mode_enabled());
            made = torch.ones(2) * 2;
        }
        Assert.False(torch.is_inference_mode_enabled());
        var parameter = new Parameter(torch.ones(2));
        Assert.Throws<ExternalException>(() => (made * parameter).sum().backward());
    }

    [Fact]
    public void Backward_TwiceWithoutRetaining_Throws()
    {
        var parameter = new Parameter(torch.ones(2));
        var loss = parameter.exp().sum();
        loss.backward(retain_graph: true);
        loss.backward();
        Assert.Equal(2 * Math.E, parameter.grad![0].ToDouble(), 1e-5);
        Assert.Throws<ExternalException>(() => loss.backward());
    }

    [Fact]
    public void Backward_VectorWithGradient_UsesIt()
    {
        var parameter = new Parameter(torch.ones(2));
        (parameter * 3).backward([torch.tensor((float[])[1, 2])]);
        Assert.Equal([3, 6], parameter.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Backward_WithInputs_ReachesOnlyThem()
    {
        var (first, second) = (new Parameter(torch.ones(2)), new Parameter(torch.ones(2)));
        (first * second).sum().backward(inputs: [first]);
        Assert.NotNull(first.grad);
        Assert.Null(second.grad);
    }

    [Fact]
    public void Grad_CreateGraph_GivesSecondDerivative()
    {
        var x = torch.tensor(2f).requires_grad_();
        var first = torch.autograd.grad([x.pow(3)], [x], create_graph: true)[0];
        Assert.Equal(12, torch.autograd.grad([first], [x])[0].item<float>());
    }

    [Fact]
    public void Grad_UnusedInput_IsNullOnlyWhenAllowed()
    {
        var (x, unused) = (torch.ones(1).requires_grad_(), torch.ones(1).requires_grad_());
        Assert.Null(torch.autograd.grad([x * 2], [x, unused], allow_unused: true)[1]);
        Assert.Throws<ExternalException>(() => torch.autograd.grad([x * 2], [x, unused]));
    }

    [Fact]
    public void RetainGrad_OnIntermediate_KeepsItsGradient()
    {
        var x = torch.ones(2).requires_grad_();
        var middle = x * 2;
        middle.retain_grad();
        middle.sum().backward();
        Assert.Equal(2, middle.grad!.sum().item<float>());
        Assert.True(x.is_leaf);
        Assert.False(middle.is_leaf);
    }

    [Fact]
    public void Parameter_FromTensor_TakesItOver()
    {
        var tensor = torch.ones(2);
        var parameter = new Parameter(tensor);
        Assert.True(tensor.IsInvalid);
        Assert.True(parameter.requires_grad);
        Assert.True(torch.CurrentDisposeScope!.Contains(parameter));
        Assert.False(torch.nn.Parameter(torch.ones(1), requires_grad: false).requires_grad);
    }
}
