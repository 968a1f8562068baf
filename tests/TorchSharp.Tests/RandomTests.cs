using TorchSharp;

namespace Fewshot.TorchSharp;

public sealed class RandomTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Generator_SameSeed_GivesSameNumbers()
    {
        using var first = new torch.Generator(11);
        using var second = new torch.Generator(11);
        Assert.True(torch.randn([50], generator: first).equal(torch.randn([50], generator: second)));
        Assert.Equal(11, first.initial_seed());
    }

    [Fact]
    public void Generator_StateRestored_RepeatsTheNumbers()
    {
        using var generator = new torch.Generator(5);
        torch.rand([7], generator: generator);
        var state = generator.get_state();
        var numbers = torch.randn([33], generator: generator);
        generator.set_state(state);
        Assert.True(numbers.equal(torch.randn([33], generator: generator)));
    }

    [Fact]
    public void Generator_Used_LeavesTheDefaultOneAlone()
    {
        using var generator = new torch.Generator(5);
        var before = torch.random.get_rng_state();
        torch.randperm(50, generator: generator);
        torch.empty(5).normal_(generator: generator);
        Assert.True(before.equal(torch.random.get_rng_state()));
    }

    [Fact]
    public void Generator_Disposed_Throws()
    {
        var generator = new torch.Generator(5);
        generator.Dispose();
        Assert.Throws<ObjectDisposedException>(() => torch.rand([1], generator: generator));
    }

    [Fact]
    public void Seed_Chosen_DiffersEachTime()
    {
        using var generator = new torch.Generator();
        Assert.NotEqual(generator.seed(), generator.seed());
    }
}
