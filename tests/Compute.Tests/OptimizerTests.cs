using Fewshot.Compute.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compute.Tests;

/// <summary>Our optimisers beside TorchSharp's own, which are PyTorch's.</summary>
public class OptimizerTests
{
    private const int Steps = 12;

    [Theory]
    [InlineData(0.9, 0)]
    [InlineData(0.9, 1e-2)]
    [InlineData(0, 1e-2)]
    public void Sgd_ManySteps_AgreesWithTorch(double momentum, double decay) => Compare(
        parameters => new Sgd(parameters, momentum, decay),
        parameters => optim.SGD(parameters, 0.05, momentum: momentum, weight_decay: decay));

    [Theory]
    [InlineData(0, 0.9, 0.999)]
    [InlineData(0.05, 0.9, 0.999)]
    [InlineData(0, 0.5, 0.9)]
    public void AdamW_ManySteps_AgreesWithTorch(double decay, double beta1, double beta2) => Compare(
        parameters => new AdamW(parameters, decay, beta1, beta2),
        parameters => optim.AdamW(parameters, 0.05, beta1, beta2, weight_decay: decay));

    [Fact]
    public void Step_Clip_ScalesAllGradientsTogether()
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(seed: 1);
        var before = parameters.Select(parameter => parameter.detach().clone()).ToArray();
        using var optimizer = new Sgd(parameters, momentum: 0, weightDecay: 0);
        foreach (var parameter in parameters)
            parameter.grad = full_like(parameter.detach(), 3);
        optimizer.Step(1, clip: 0.5);
        var moved = parameters.Zip(before, (after, start) => (after.detach() - start).pow(2).sum().item<float>()).Sum();
        Assert.Equal(0.5, Math.Sqrt(moved), 1e-4);
    }

    [Fact]
    public void Step_ParameterWithoutGradient_StaysAsItIs()
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(seed: 2);
        var before = parameters.Select(parameter => parameter.detach().clone()).ToArray();
        using var optimizer = new AdamW(parameters, weightDecay: 0.1);
        parameters[0].grad = ones_like(parameters[0].detach());
        parameters[2].grad = ones_like(parameters[2].detach());
        optimizer.Step(0.1);
        Assert.False(parameters[0].Equals(before[0]));
        Assert.True(parameters[1].Equals(before[1]));
        Assert.False(parameters[2].Equals(before[2]));
        Assert.All(parameters, parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Restore_StateOfAnother_GoesOnToTheBit()
    {
        using var scope = NewDisposeScope();
        var (one, other) = (Parameters(seed: 3), Parameters(seed: 3));
        using var undisturbed = new AdamW(one, weightDecay: 0.1);
        Train(undisturbed, one, 0, 8);
        using var first = new AdamW(other, weightDecay: 0.1);
        Train(first, other, 0, 5);
        var continued = other.Select(parameter => parameter.detach().clone().requires_grad_()).ToArray();
        using var second = new AdamW(continued, weightDecay: 0.1);
        second.Restore(first.State().ToDictionary(item => item.Name, item => item.Value).GetValueOrDefault, 5);
        Train(second, continued, 5, 8);
        Assert.All(one.Zip(continued), pair => Assert.True(pair.First.Equals(pair.Second)));
    }

    [Fact]
    public void Steps_Many_LeaveNoTensorAlive()
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(seed: 4);
        using var optimizer = new AdamW(parameters, weightDecay: 0.1);
        Train(optimizer, parameters, 0, 1);
        var before = LiveTensors.Settled();
        Train(optimizer, parameters, 1, 30);
        Assert.Equal(before, LiveTensors.Count);
    }

    private static void Compare(Func<IReadOnlyList<Tensor>, Optimizer> ours, Func<IEnumerable<TorchSharp.Modules.Parameter>, torch.optim.Optimizer> theirs)
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(seed: 5);
        var wanted = parameters.Select(parameter => new TorchSharp.Modules.Parameter(parameter.detach().clone())).ToArray();
        using var optimizer = ours(parameters);
        using var oracle = theirs(wanted);
        for (var step = 0; step < Steps; step++)
        {
            var gradients = Gradients(step);
            for (var i = 0; i < parameters.Length; i++)
            {
                parameters[i].grad = gradients[i].clone();
                wanted[i].grad = gradients[i].clone();
            }

            optimizer.Step(0.05);
            oracle.step();
            oracle.zero_grad();
        }

        for (var i = 0; i < parameters.Length; i++)
            Assert.InRange((parameters[i] - wanted[i]).abs().max().item<float>(), 0, 1e-6);
    }

    private static void Train(Optimizer optimizer, Tensor[] parameters, int from, int until)
    {
        for (var step = from; step < until; step++)
        {
            using var scope = NewDisposeScope();
            var gradients = Gradients(step);
            for (var i = 0; i < parameters.Length; i++)
                parameters[i].grad = gradients[i];
            optimizer.Step(0.05);
        }
    }

    /// <summary>A vector, a matrix, and a kernel that lies channels last.</summary>
    private static Tensor[] Parameters(long seed)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return
        [
            randn([5], generator: generator).requires_grad_(), randn([3, 4], generator: generator).requires_grad_(),
            ChannelsLast(randn([4, 3, 2, 2], generator: generator)).requires_grad_(),
        ];
    }

    private static Tensor[] Gradients(int step)
    {
        using var generator = new Generator((ulong)(100 + step), CPU);
        return [randn([5], generator: generator), randn([3, 4], generator: generator), ChannelsLast(randn([4, 3, 2, 2], generator: generator))];
    }

    private static Tensor ChannelsLast(Tensor map) => map.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
}
