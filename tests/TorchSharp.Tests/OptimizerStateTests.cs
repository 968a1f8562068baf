using TorchSharp;
using TorchSharp.Modules;

namespace Fewshot.TorchSharp;

public sealed class OptimizerStateTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    public static TheoryData<string> Kinds => ["sgd", "adam", "adamw"];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SaveAndLoad_MidRun_ContinuesToTheSameBits(string kind)
    {
        var straight = Train(kind, 8, null, out _);
        var start = Train(kind, 3, null, out var saved);
        var resumed = Train(kind, 5, (start, saved), out _);
        Assert.True(straight.equal(resumed));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void LoadStateDict_FromAnother_CopiesIt(string kind)
    {
        var (first, second) = (Start(), Start());
        using var source = Make(kind, first);
        using var target = Make(kind, second);
        Step(source, first);
        target.load_state_dict(source.state_dict());
        using (torch.no_grad())
            second.copy_(first);
        Step(source, first);
        Step(target, second);
        Assert.True(first.equal(second));
    }

    [Fact]
    public void MomentumBuffer_BeforeAndAfterAStep_IsNullThenTheGradient()
    {
        var parameter = Start();
        using var optimizer = torch.optim.SGD([parameter], 0.1, 0.9);
        var state = (SGD.State)optimizer.state_dict().State[0];
        Assert.Null(state.momentum_buffer);
        Step(optimizer, parameter);
        Assert.Equal(parameter.shape, state.momentum_buffer!.shape);
        Assert.True(state.momentum_buffer.equal(parameter.grad!));
    }

    [Fact]
    public void Load_OtherOptimizer_IsRefused()
    {
        Train("sgd", 1, null, out var saved);
        using var optimizer = Make("adam", Start());
        using var reader = new BinaryReader(new MemoryStream(saved));
        Assert.Throws<InvalidDataException>(() => optimizer.load_state_dict(reader));
    }

    [Fact]
    public void Load_OtherShapes_IsRefused()
    {
        Train("sgd", 1, null, out var saved);
        using var optimizer = Make("sgd", new Parameter(torch.ones(3)));
        using var reader = new BinaryReader(new MemoryStream(saved));
        Assert.Throws<InvalidDataException>(() => optimizer.load_state_dict(reader));
    }

    [Fact]
    public void LearningRate_OfOneGroup_IsItsOwn()
    {
        var (first, second) = (new Parameter(torch.ones(2)), new Parameter(torch.ones(2)));
        using var optimizer = torch.optim.SGD([new SGD.ParamGroup { Parameters = [first] }, new SGD.ParamGroup { Parameters = [second] }], 1);
        optimizer.ParamGroups.First().LearningRate = 0;
        (first + second).sum().backward();
        optimizer.step();
        Assert.Equal((2, 0), (first.sum().item<float>(), second.sum().item<float>()));
    }

    [Fact]
    public void Step_ParameterWithoutGradient_IsLeftAlone()
    {
        var (used, unused) = (Start(), Start());
        using var optimizer = torch.optim.AdamW([used, unused], 0.1, weight_decay: 0.5);
        var before = unused.clone();
        used.sum().backward();
        optimizer.step();
        Assert.True(before.equal(unused));
        Assert.Equal((1, 0), (((AdamW.State)optimizer.state_dict().State[0]).step, ((AdamW.State)optimizer.state_dict().State[1]).step));
    }

    [Fact]
    public void ZeroGrad_AfterBackward_ForgetsGradients()
    {
        var parameter = Start();
        using var optimizer = torch.optim.SGD([parameter], 0.1);
        parameter.sum().backward();
        optimizer.zero_grad();
        Assert.True(parameter.grad is null || parameter.grad.count_nonzero().item<long>() == 0);
    }

    [Fact]
    public void Step_WithClosure_ReturnsItsLoss()
    {
        var parameter = Start();
        using var optimizer = torch.optim.SGD([parameter], 0.1);
        var loss = optimizer.step(() =>
        {
            var value = parameter.square().sum();
            value.backward();
            return value;
        });
        Assert.True(loss!.item<float>() > 0);
        Assert.NotNull(parameter.grad);
    }

    [Fact]
    public void Step_AfterForward_BackwardNoticesTheChange()
    {
        var parameter = Start();
        using var optimizer = torch.optim.SGD([parameter], 0.1);
        var loss = parameter.exp().mul(parameter).sum();
        loss.backward(retain_graph: true);
        optimizer.step();
        Assert.ThrowsAny<Exception>(() => loss.backward());
    }

    [Fact]
    public void SameParameterInTwoGroups_IsRefused()
    {
        var parameter = Start();
        Assert.Throws<ArgumentException>(() => torch.optim.SGD([new SGD.ParamGroup { Parameters = [parameter] }, new SGD.ParamGroup { Parameters = [parameter] }], 1));
    }

    [Fact]
    public void Step_ChannelsLastGradient_MatchesPlainOne()
    {
        var (plain, other) = (new Parameter(torch.ones(2, 3, 4, 4)), new Parameter(torch.ones(2, 3, 4, 4)));
        using var first = torch.optim.SGD([plain], 0.1, 0.9);
        using var second = torch.optim.SGD([other], 0.1, 0.9);
        for (var step = 0; step < 3; step++)
        {
            var gradient = torch.randn(2, 3, 4, 4);
            plain.grad = gradient;
            other.grad = gradient.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
            first.step();
            second.step();
        }
        Assert.True(plain.allclose(other, 1e-6));
    }

    private static Parameter Start() => new(torch.linspace(-1, 1, 12).view(3, 4).clone());

    private static OptimizerHelper Make(string kind, Parameter parameter) => kind switch
    {
        "sgd" => torch.optim.SGD([parameter], 0.05, 0.9, weight_decay: 0.01),
        "adam" => torch.optim.Adam([parameter], 0.05),
        _ => torch.optim.AdamW([parameter], 0.05, weight_decay: 0.01),
    };

    private static void Step(torch.optim.Optimizer optimizer, Parameter parameter)
    {
        optimizer.zero_grad();
        parameter.pow(4).sum().backward();
        optimizer.step();
    }

    private static torch.Tensor Train(string kind, int steps, (torch.Tensor Weights, byte[] State)? from, out byte[] saved)
    {
        var parameter = from is null ? Start() : new Parameter(from.Value.Weights.clone());
        using var optimizer = Make(kind, parameter);
        if (from is not null)
        {
            using var reader = new BinaryReader(new MemoryStream(from.Value.State));
            optimizer.load_state_dict(reader);
        }
        for (var step = 0; step < steps; step++)
            Step(optimizer, parameter);
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        optimizer.save_state_dict(writer);
        saved = stream.ToArray();
        return parameter.detach();
    }
}
