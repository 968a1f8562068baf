using TorchSharp;
using F = TorchSharp.torch.nn.functional;
using Reduction = TorchSharp.torch.nn.Reduction;

namespace Fewshot.TorchSharp.Parity;

internal sealed class LossCases : ParityTable
{
    public LossCases()
    {
        Func<torch.Tensor[]> pair = () => [Normal(4, 5), Positive(4, 5)], classes = () => [Normal(6, 5), Integers(5, 6), Positive(5)];
        foreach (var reduction in (Reduction[])[Reduction.None, Reduction.Mean, Reduction.Sum])
        {
            var name = reduction.ToString().ToLowerInvariant();
            Add($"mse {name}", $"F.mse_loss(a, b, reduction='{name}')", pair, t => F.mse_loss(t[0], t[1], reduction));
            Add($"l1 {name}", $"F.l1_loss(a, b, reduction='{name}')", pair, t => F.l1_loss(t[0], t[1], reduction));
            Add($"cross entropy {name}", $"F.cross_entropy(a, b, reduction='{name}')", classes, t => F.cross_entropy(t[0], t[1], reduction: reduction));
            Add($"nll {name}", $"F.nll_loss(F.log_softmax(a, 1), b, reduction='{name}')", classes, t => F.nll_loss(t[0].log_softmax(1), t[1], null, reduction));
            Add($"kl {name}", $"F.kl_div(F.log_softmax(a, 1), F.log_softmax(b, 1), reduction='{name}', log_target=True)", pair,
                t => F.kl_div(t[0].log_softmax(1), t[1].log_softmax(1), true, reduction));
        }
        Add("kl of probabilities", "F.kl_div(F.log_softmax(a, 1), F.softmax(b, 1), reduction='sum')", pair, t => F.kl_div(t[0].log_softmax(1), t[1].softmax(1), false, Reduction.Sum));
        Add("cross entropy weighted", "F.cross_entropy(a, b, c.detach(), ignore_index=2, label_smoothing=0.1)", classes,
            t => F.cross_entropy(t[0], t[1], t[2].detach(), 2, label_smoothing: 0.1));
        Add("cross entropy of probabilities", "F.cross_entropy(a, b.softmax(1))", pair, t => F.cross_entropy(t[0], t[1].softmax(1)));
    }
}
