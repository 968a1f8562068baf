using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

internal sealed class CreationCases : ParityTable
{
    public CreationCases()
    {
        Func<torch.Tensor[]> none = () => [];
        Func<torch.Tensor[]> like = () => [Normal(2, 3).to(torch.float64)];
        Values("zeros", "torch.zeros(2, 3)", none, _ => torch.zeros(2, 3));
        Values("ones", "torch.ones(2, 3, dtype=torch.int64)", none, _ => torch.ones([2, 3], torch.int64));
        Values("full", "torch.full((2,), 1.5)", none, _ => torch.full([2], 1.5));
        Values("full of integers", "torch.full((2,), 7)", none, _ => torch.full([2], 7));
        Values("arange", "torch.arange(5)", none, _ => torch.arange(5));
        Values("arange with step", "torch.arange(1.0, 2.0, 0.25)", none, _ => torch.arange(1.0, 2.0, 0.25));
        Values("linspace", "torch.linspace(-1, 1, 7)", none, _ => torch.linspace(-1, 1, 7));
        Values("eye", "torch.eye(3, 4)", none, _ => torch.eye(3, 4));
        Values("zeros like", "torch.zeros_like(a)", like, t => torch.zeros_like(t[0]));
        Values("ones like", "torch.ones_like(a, dtype=torch.float32)", like, t => torch.ones_like(t[0], torch.float32));
        Values("full like", "torch.full_like(a, 2)", like, t => torch.full_like(t[0], 2));

        // The same seed gives the same numbers as PyTorch.
        Values("rand", "torch.rand(20)", none, _ => torch.rand(20));
        Values("randn", "torch.randn(2, 20)", none, _ => torch.randn(2, 20));
        Values("randint", "torch.randint(3, 9, (20,))", none, _ => torch.randint(3, 9, [20]));
        Values("randperm", "torch.randperm(20)", none, _ => torch.randperm(20));
        Values("rand like", "torch.rand_like(a)", like, t => torch.rand_like(t[0]));
        Values("randn like", "torch.randn_like(a)", like, t => torch.randn_like(t[0]));
        Values("normal in place", "torch.empty(20).normal_(1, 2)", none, _ => torch.empty(20).normal_(1, 2));
        Values("uniform in place", "torch.empty(20).uniform_(-1, 2)", none, _ => torch.empty(20).uniform_(-1, 2));
        Values("bernoulli in place", "torch.empty(20).bernoulli_(0.3)", none, _ => torch.empty(20).bernoulli_(0.3));
        Values("generator", "torch.randn(20, generator=torch.Generator().manual_seed(3))", none, _ =>
        {
            using var generator = new torch.Generator(3);
            return torch.randn([20], generator: generator);
        });

        void Values(string name, string python, Func<torch.Tensor[]> inputs, Func<torch.Tensor[], torch.Tensor> run) =>
            Add(name, python, inputs, run, 1e-6, gradients: false);
    }
}
