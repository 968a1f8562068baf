using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

internal sealed class ReductionCases : ParityTable
{
    public ReductionCases()
    {
        Func<torch.Tensor[]> cube = () => [Normal(3, 4, 5)];

        Add("sum", "a.sum()", cube, t => t[0].sum());
        Add("sum dim", "a.sum(1, keepdim=True)", cube, t => t[0].sum(1, true));
        Add("sum dims", "a.sum((0, 2), dtype=torch.float64)", cube, t => t[0].sum([0, 2], false, torch.float64));
        Add("mean", "a.mean()", cube, t => t[0].mean());
        Add("mean dims", "a.mean((0, 2), keepdim=True)", cube, t => t[0].mean([0, 2], true));
        Add("var", "a.var()", cube, t => t[0].var());
        Add("var dims", "a.var((0, 2), unbiased=False)", cube, t => t[0].var([0, 2], false));
        Add("std", "a.std(unbiased=False)", cube, t => t[0].std(false));
        Add("std dims", "a.std((1,), keepdim=True)", cube, t => t[0].std([1], keepdim: true));
        Add("prod", "a.prod()", () => [Positive(6)], t => t[0].prod());
        Add("max", "a.max()", cube, t => t[0].max());
        AddMany("max dim", "a.max(1)", cube, t => [t[0].max(1).values, t[0].max(1).indexes]);
        Add("min", "a.min()", cube, t => t[0].min());
        AddMany("min dim", "a.min(1, keepdim=True)", cube, t => [t[0].min(1, true).values, t[0].min(1, true).indexes]);
        AddMany("amax amin", "[a.amax((0, 1)), a.amin((2,), keepdim=True)]", cube, t => [t[0].amax([0, 1]), t[0].amin([2], true)]);
        AddMany("arg", "[a.argmax(), a.argmax(1), a.argmin(), a.argmin(2, keepdim=True)]", cube,
            t => [t[0].argmax(), t[0].argmax(1), t[0].argmin(), t[0].argmin(2, true)], gradients: false);
        AddMany("topk", "a.topk(2, 1)", cube, t => [t[0].topk(2, 1).values, t[0].topk(2, 1).indexes]);
        AddMany("topk smallest", "a.topk(3, -1, largest=False)", cube, t => [t[0].topk(3, -1, false).values, t[0].topk(3, -1, false).indexes]);
        AddMany("sort", "a.sort(1, descending=True)", cube, t => [t[0].sort(1, true).Values, t[0].sort(1, true).Indices]);
        AddMany("sort stable", "torch.sort(a, dim=0, stable=True)", () => [Integers(3, 12)], t => [t[0].sort(0, stable: true).Values, t[0].sort(0, stable: true).Indices], gradients: false);
        Add("argsort", "a.argsort(-1)", cube, t => t[0].argsort(), gradients: false);
        Add("norm", "a.norm()", cube, t => t[0].norm());
        Add("norm 1", "a.norm(1)", cube, t => t[0].norm(1f));
        Add("norm dim", "a.norm(2, 1, keepdim=True)", cube, t => t[0].norm(1, true));
        Add("vector norm", "torch.linalg.vector_norm(a, 3, (0, 2))", cube, t => torch.linalg.vector_norm(t[0], 3, [0, 2]));
        Add("logsumexp", "a.logsumexp(1)", cube, t => t[0].logsumexp(1));
        AddMany("all any", "[a.all(), a.any(), a.all(0), a.any(1, keepdim=True)]", () => [Integers(2, 3, 4) == 1],
            t => [t[0].all(), t[0].any(), t[0].all(0), t[0].any(1, true)], gradients: false);
        Add("cumsum", "a.cumsum(1)", cube, t => t[0].cumsum(1));
        Add("count nonzero", "torch.count_nonzero(a)", () => [Integers(3, 20)], t => t[0].count_nonzero(), gradients: false);
        Add("softmax", "a.softmax(1)", cube, t => t[0].softmax(1));
        Add("softmax double", "F.softmax(a, 2, dtype=torch.float64)", cube, t => torch.nn.functional.softmax(t[0], 2, torch.float64));
        Add("log softmax", "a.log_softmax(-1)", cube, t => t[0].log_softmax(-1));
    }
}
