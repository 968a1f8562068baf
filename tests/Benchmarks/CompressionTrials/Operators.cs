using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Benchmarks.CompressionTrials;

/// <summary>The engine's fused layers beside the same mathematics in single operators, call by call in turn, in this process.</summary>
internal static class Operators
{
    public static void Print()
    {
        Console.WriteLine($"fused layers, {get_num_threads()} threads, float32: median (best) of the single operators, of the fused one, and their ratio");
        foreach (var (images, heads, tokens, depth) in ((long, long, long, long)[])[(64, 4, 50, 32), (64, 4, 65, 32), (16, 12, 197, 64)])
        {
            var width = heads * depth;
            var product = randn(images, tokens, 3 * width).requires_grad_(true);
            Compare($"attention [{images}, {heads}, {tokens}, {depth}]", [product], randn(images, tokens, width),
                () => Attend(product, heads, (q, k, v) => (q * (1 / Math.Sqrt(depth))).matmul(k.transpose(-2, -1)).softmax(-1).matmul(v)),
                () => Attend(product, heads, (q, k, v) => F.scaled_dot_product_attention(q, k, v)));
        }

        foreach (var (rows, inputs, outputs) in ((long, long, long)[])[(2500, 128, 384), (2500, 140, 128), (3152, 768, 2304)])
        {
            Tensor[] all = [randn(rows, inputs).requires_grad_(true), randn(outputs, inputs).requires_grad_(true), randn(outputs).requires_grad_(true)];
            Compare($"linear {rows} x {inputs} to {outputs}", all, randn(rows, outputs), () => addmm(all[2], all[0], all[1].t(), 1, 1), () => F.linear(all[0], all[1], all[2]));
        }
    }

    private static Tensor Attend(Tensor product, long heads, Func<Tensor, Tensor, Tensor, Tensor> attention)
    {
        var (images, tokens, width) = (product.shape[0], product.shape[1], product.shape[2] / 3);
        var parts = Array.ConvertAll(product.view(images, tokens, 3, heads, width / heads).unbind(2), part => part.transpose(1, 2));
        return attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape(images, tokens, width);
    }

    private static void Compare(string name, Tensor[] inputs, Tensor gradient, Func<Tensor> single, Func<Tensor> fused)
    {
        Measure($"{name}, forward", () => WithoutGradient(single), () => WithoutGradient(fused));
        Measure($"{name}, forward and backward", () => autograd.grad([single()], inputs, [gradient]), () => autograd.grad([fused()], inputs, [gradient]));
    }

    private static void WithoutGradient(Func<Tensor> call)
    {
        using var _ = no_grad();
        call();
    }

    private static void Measure(string name, Action single, Action fused)
    {
        var (first, second) = (new List<double>(), new List<double>());
        var begun = Stopwatch.GetTimestamp();
        for (var run = 0; run < 5 || (run < 60 && Stopwatch.GetElapsedTime(begun).TotalSeconds < 4); run++)
        {
            first.Add(Milliseconds(single));
            second.Add(Milliseconds(fused));
        }

        first.Sort();
        second.Sort();
        var (one, other) = (first[first.Count / 2], second[second.Count / 2]);
        Console.WriteLine($"  {name,-50} {one,8:F2} ({first[0]:F2}) ms  {other,8:F2} ({second[0]:F2}) ms  {one / other:F2}");
    }

    private static double Milliseconds(Action call)
    {
        using var scope = NewDisposeScope();
        var begun = Stopwatch.GetTimestamp();
        call();
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }
}
