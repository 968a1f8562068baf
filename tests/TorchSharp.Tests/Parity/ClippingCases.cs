using TorchSharp;
using TorchSharp.Modules;

namespace Fewshot.TorchSharp.Parity;

/// <summary>Clipping of gradients by their common norm: the value given back and the gradients left.</summary>
internal sealed class ClippingCases : ParityTable
{
    public ClippingCases()
    {
        foreach (var limit in (double[])[1, 1e6])
        {
            Clip($"to {limit}", limit, 2, torch.float32);
            Clip($"to {limit} in float64", limit, 2, torch.float64);
            Clip($"to {limit}, sum of sizes", limit, 1, torch.float32);
            Clip($"to {limit}, largest", limit, double.PositiveInfinity, torch.float32);
        }
        Clip("of large gradients", 1, 2, torch.float32, 70_003);
    }

    // The third parameter has no gradient, the second one's lies transposed.
    private void Clip(string name, double limit, double kind, torch.ScalarType type, long size = 35)
    {
        var norm = double.IsInfinity(kind) ? "float('inf')" : $"{kind}";
        AddCode($"clip_grad_norm_ {name}",
            $"p, q, r = a.requires_grad_(), b.requires_grad_(), torch.zeros(3, requires_grad=True)\n((p ** 3).sum() + (q.t() * torch.arange(12.).view(4, 3)).sum()).backward()\n"
            + $"norm = torch.nn.utils.clip_grad_norm_([p, q, r], {limit:R}, {norm})\nout = [norm.double(), p.grad, q.grad]",
            () => [Normal(size).to(type), Normal(3, 4).to(type)],
            tensors =>
            {
                Parameter[] parameters = [.. tensors.Append(torch.zeros(3)).Select(tensor => new Parameter(tensor))];
                (parameters[0].pow(3).sum() + (parameters[1].t() * torch.arange(12.0).view(4, 3)).sum()).backward();
                var length = torch.nn.utils.clip_grad_norm_(parameters, limit, kind);
                return [torch.tensor(length, torch.float64), parameters[0].grad!, parameters[1].grad!];
            });
    }
}
