using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

/// <summary>One operator call in both languages: Python code over the inputs a, b, c.. that leaves its results in <c>out</c>, and the same in C#.</summary>
public sealed record ParityCase(string Name, string Python, Func<torch.Tensor[]> Inputs, Func<torch.Tensor[], torch.Tensor[]> Run)
{
    /// <summary>Whether the gradients of all floating inputs are compared too.</summary>
    public bool Gradients { get; init; } = true;

    public double Tolerance { get; init; } = 1e-5;

    public override string ToString() => Name;
}

/// <summary>A table of cases of one subject.</summary>
public abstract class ParityTable
{
    private readonly List<ParityCase> cases = [];

    public IReadOnlyList<ParityCase> Cases => cases;

    protected void Add(string name, string expression, Func<torch.Tensor[]> inputs, Func<torch.Tensor[], torch.Tensor> run, double tolerance = 1e-5, bool gradients = true) =>
        cases.Add(new ParityCase(name, $"out = {expression}", inputs, tensors => [run(tensors)]) { Tolerance = tolerance, Gradients = gradients });

    protected void AddMany(string name, string expression, Func<torch.Tensor[]> inputs, Func<torch.Tensor[], torch.Tensor[]> run, bool gradients = true) =>
        cases.Add(new ParityCase(name, $"out = {expression}", inputs, run) { Gradients = gradients });

    protected void AddCode(string name, string python, Func<torch.Tensor[]> inputs, Func<torch.Tensor[], torch.Tensor[]> run, double tolerance = 1e-5) =>
        cases.Add(new ParityCase(name, python.ReplaceLineEndings("\n"), inputs, run) { Tolerance = tolerance, Gradients = false });

    /// <summary>Normal numbers that depend on the shape alone.</summary>
    protected static torch.Tensor Normal(params long[] shape) => Filled(shape, random =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())));

    /// <summary>Numbers in [0.5, 1.5).</summary>
    protected static torch.Tensor Positive(params long[] shape) => Filled(shape, random => 0.5f + random.NextSingle());

    protected static torch.Tensor Integers(int below, params long[] shape)
    {
        var random = new Random(below);
        return torch.tensor(Enumerable.Range(0, (int)shape.Aggregate(1L, (x, y) => x * y)).Select(_ => (long)random.Next(below)).ToArray()).view(shape);
    }

    private static torch.Tensor Filled(long[] shape, Func<Random, float> draw)
    {
        var random = new Random((int)(shape.Aggregate(17L, (hash, size) => hash * 31 + size) % int.MaxValue));
        return torch.tensor(Enumerable.Range(0, (int)shape.Aggregate(1L, (x, y) => x * y)).Select(_ => draw(random)).ToArray()).view(shape);
    }
}
