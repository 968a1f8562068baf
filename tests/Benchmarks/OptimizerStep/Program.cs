using System.Diagnostics;
using Fewshot.Compute.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

// A step of AdamW over flat buffers beside TorchSharp's own, which goes through the parameters one by one: 72 parameters of a ViT of width 128 with 6 blocks.
//   dotnet run -c Release --project tests/Benchmarks/OptimizerStep
const int Width = 128, Hidden = 256, Blocks = 6, Steps = 200;
long[][] shapes =
[
    [Width], [Width], [3 * Width, Width], [3 * Width], [Width, Width], [Width], [Width], [Width], [Hidden, Width], [Hidden], [Width, Hidden], [Width],
];
using var scope = NewDisposeScope();
var flat = Enumerable.Range(0, Blocks).SelectMany(_ => shapes).Select(shape => randn(shape).requires_grad_()).ToArray();
var single = flat.Select(parameter => new TorchSharp.Modules.Parameter(parameter.detach().clone())).ToArray();
var gradients = flat.Select(parameter => randn_like(parameter.detach())).ToArray();
using var ours = new AdamW(flat, weightDecay: 0.05);
using var theirs = optim.AdamW(single, lr: 1e-3, weight_decay: 0.05);
var (one, other) = (new List<double>(), new List<double>());
for (var step = 0; step < Steps; step++)
{
    one.Add(Milliseconds(flat, () => ours.Step(1e-3)));
    other.Add(Milliseconds(single, () =>
    {
        theirs.step();
        theirs.zero_grad();
    }));
}

one.Sort();
other.Sort();
Console.WriteLine($"{flat.Length} parameters, {get_num_threads()} threads, median of {Steps} steps: flat buffers {one[Steps / 2]:F2} ms, "
    + $"one by one {other[Steps / 2]:F2} ms, ratio {other[Steps / 2] / one[Steps / 2]:F1}");

double Milliseconds(IReadOnlyList<Tensor> parameters, Action step)
{
    using var inner = NewDisposeScope();
    for (var i = 0; i < parameters.Count; i++)
        parameters[i].grad = gradients[i].clone();
    var begun = Stopwatch.GetTimestamp();
    step();
    return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
}
