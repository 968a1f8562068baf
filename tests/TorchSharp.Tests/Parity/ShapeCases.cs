using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

internal sealed class ShapeCases : ParityTable
{
    public ShapeCases()
    {
        Func<torch.Tensor[]> cube = () => [Normal(2, 3, 4)], pair = () => [Normal(2, 3), Normal(2, 3)], rows = () => [Normal(5, 4), Integers(5, 3)];

        Add("view", "a.view(4, -1)", cube, t => t[0].view(4, -1));
        Add("reshape", "a.transpose(0, 2).reshape(6, 4)", cube, t => t[0].transpose(0, 2).reshape(6, 4));
        Add("flatten", "a.flatten(1)", cube, t => t[0].flatten(1));
        Add("permute", "a.permute(2, 0, 1)", cube, t => t[0].permute(2, 0, 1));
        Add("t", "a.t()", pair, t => t[0].t());
        Add("unsqueeze", "a.unsqueeze(-1)", cube, t => t[0].unsqueeze(-1));
        Add("squeeze", "a.unsqueeze(1).squeeze(1)", cube, t => t[0].unsqueeze(1).squeeze(1));
        Add("squeeze all", "a[:1].squeeze()", cube, t => t[0][..1].squeeze());
        Add("expand", "a.unsqueeze(0).expand(5, -1, -1, 4)", cube, t => t[0].unsqueeze(0).expand(5, -1, -1, 4));
        Add("repeat", "a.repeat(2, 1, 3)", cube, t => t[0].repeat(2, 1, 3));
        Add("repeat interleave", "a.repeat_interleave(3, 1)", cube, t => t[0].repeat_interleave(3, 1));
        Add("narrow", "a.narrow(2, 1, 2)", cube, t => t[0].narrow(2, 1, 2));
        Add("slice", "a[:, :, 0:4:2]", cube, t => t[0].slice(2, 0, 4, 2));
        Add("select", "a.select(1, 2)", cube, t => t[0].select(1, 2));
        Add("flip", "a.flip(0, 2)", cube, t => t[0].flip(0, 2));
        Add("roll", "torch.roll(a, (1, -2), (0, 2))", cube, t => t[0].roll([1, -2], [0, 2]));
        Add("roll one", "torch.roll(a, 1, 2)", cube, t => t[0].roll(1, 2));
        Add("unfold", "a.unfold(2, 2, 1)", cube, t => t[0].unfold(2, 2, 1));
        Add("as strided", "torch.as_strided(a, (2, 2), (4, 1), 3)", cube, t => t[0].as_strided([2, 2], [4, 1], 3));
        Add("contiguous", "a.transpose(0, 1).contiguous()", cube, t => t[0].transpose(0, 1).contiguous());
        Add("diagonal", "a.diagonal(1, 1, 2)", cube, t => t[0].diagonal(1, 1, 2));
        AddMany("triangles", "[a.tril(), a.triu(1)]", cube, t => [t[0].tril(), t[0].triu(1)]);
        AddMany("split", "a.split(3, 2)", cube, t => t[0].split(3, 2));
        AddMany("split sizes", "a.split([1, 3], 2)", cube, t => t[0].split([1, 3], 2));
        AddMany("chunk", "a.chunk(2, 1)", cube, t => t[0].chunk(2, 1));
        AddMany("unbind", "a.unbind(1)", cube, t => t[0].unbind(1));
        Add("cat", "torch.cat([a, b], 1)", pair, t => torch.cat([t[0], t[1]], 1));
        Add("stack", "torch.stack([a, b], 1)", pair, t => torch.stack([t[0], t[1]], 1));

        Add("index number", "a[1]", cube, t => t[0][1]);
        Add("index slice", "a[:, 1:, ::2]", cube, t => t[0][torch.TensorIndex.Colon, torch.TensorIndex.Slice(1), torch.TensorIndex.Slice(step: 2)]);
        Add("index ellipsis", "a[..., 0]", cube, t => t[0][torch.TensorIndex.Ellipsis, 0]);
        Add("index new axis", "a[None, :, 1]", cube, t => t[0][torch.TensorIndex.None, .., 1]);
        Add("index range", "a[1:, :-1]", cube, t => t[0][1.., ..^1]);
        Add("index negative", "a[-1, -2]", cube, t => t[0][^1, ^2]);
        Add("index positions", "a[b]", rows, t => t[0][t[1]]);
        Add("index positions and slice", "a[b, 1:3]", rows, t => t[0][t[1], 1..3]);
        Add("index two tensors", "a[b, b]", () => [Normal(5, 5), Integers(5, 4)], t => t[0][t[1], t[1]]);
        Add("index behind a slice", "a[:, b]", () => [Normal(3, 5), Integers(5, 4)], t => t[0][.., t[1]]);
        Add("index mask", "a[a > 0]", cube, t => t[0][t[0] > 0]);
        Add("index mask then slice", "a[b > 2, :2]", () => [Normal(5, 4), Integers(5, 5)], t => t[0][t[1] > 2, ..2]);
        Add("index select", "a.index_select(0, b)", rows, t => t[0].index_select(0, t[1]));
        Add("gather", "a.gather(1, b)", () => [Normal(4, 5), Integers(5, 4, 2)], t => t[0].gather(1, t[1]));
        Add("scatter", "a.clone().scatter_(1, b, c)", () => [Normal(4, 5), Integers(1, 4, 1), Normal(4, 1)], t => t[0].clone().scatter_(1, t[1], t[2]));
        Add("scatter add", "a.clone().scatter_add_(1, b, c)", () => [Normal(4, 5), Integers(5, 4, 3), Normal(4, 3)], t => t[0].clone().scatter_add_(1, t[1], t[2]));
        Add("index add", "a.clone().index_add_(0, b, c, alpha=2)", () => [Normal(5, 4), Integers(5, 3), Normal(3, 4)], t => t[0].clone().index_add_(0, t[1], t[2], 2));
        Add("index copy", "a.clone().index_copy_(0, torch.tensor([2, 0]), b)", () => [Normal(3, 4), Normal(2, 4)],
            t => t[0].clone().index_copy_(0, torch.tensor((long[])[2, 0]), t[1]));
        AddCode("index assignment", "a[1:, 0] = b; a[c] = 7; a[:, :, 3][0] = 2; out = a", () => [Normal(2, 3, 4), Normal(4), Integers(1, 1)],
            t => [t[0].index_put_(t[1], 1.., 0).index_put_(7, t[2]).index_put_(2, 0, torch.TensorIndex.Ellipsis, 3)]);
        Add("masked fill", "a.masked_fill(a > 0, -3)", cube, t => t[0].masked_fill(t[0] > 0, -3));
        Add("masked select", "a.masked_select(a > 0)", cube, t => t[0].masked_select(t[0] > 0));

        Add("detach", "a.detach() * a", cube, t => t[0].detach() * t[0]);
        Add("clone", "a.clone()", cube, t => t[0].clone());
        Add("to double", "a.double()", cube, t => t[0].to(torch.float64));
        AddMany("to types", "[a.to(torch.int32), a.to(torch.uint8), a.bool(), a.long()]", () => [Positive(6) * 10],
            t => [t[0].to(torch.int32), t[0].@byte(), t[0].@bool(), t[0].@long()], gradients: false);
        AddCode("copy and fill", "b.copy_(a); c.zero_(); d.fill_(2); out = [b, c, d]", () => [Normal(2, 2), Normal(2, 2).to(torch.float64), Normal(3), Normal(4)],
            t => [t[1].copy_(t[0]), t[2].zero_(), t[3].fill_(2)]);
        AddCode("set", "b.set_(a); a.add_(1); out = b", () => [Normal(2, 2), Normal(3)], t =>
        {
            t[1].set_(t[0]);
            t[0].add_(1);
            return [t[1]];
        });
    }
}
