using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.TorchSharp.Parity;

/// <summary>Attention, linear layers, GELU and layer normalisation in the sizes and layouts that meet every path of the shim's own kernels.</summary>
internal sealed class FusedLayerCases : ParityTable
{
    private const string Plain = "((a @ b.transpose(-2, -1)) / a.shape[-1] ** 0.5).softmax(-1) @ c";
    private const string Masked = "((a @ b.transpose(-2, -1)) / a.shape[-1] ** 0.5 + d).softmax(-1) @ c";
    private const string OfThirds = "q, k, v = [x.transpose(1, 2) for x in parts.unbind(2)]; out = ((q @ k.transpose(-2, -1)) / q.shape[-1] ** 0.5).softmax(-1) @ v";

    public FusedLayerCases()
    {
        foreach (var (rows, keys, depth, values) in ((long, long, long, long)[])[(50, 50, 32, 32), (65, 65, 32, 32), (197, 197, 64, 64), (1, 1, 1, 1), (7, 130, 5, 19), (49, 16, 24, 8), (3, 2, 33, 1)])
            Add($"attention {rows} by {keys}, {depth} to {values}", Plain, () => [Normal(2, 3, rows, depth), Normal(2, 3, keys, depth), Normal(2, 3, keys, values)],
                t => F.scaled_dot_product_attention(t[0], t[1], t[2]));
        foreach (var batch in (long[][])[[], [6], [2, 1, 3]])
            Add($"attention with {batch.Length} batch dimensions", Plain, () => [Normal([.. batch, 9, 4]), Normal([.. batch, 11, 4]), Normal([.. batch, 11, 6])],
                t => F.scaled_dot_product_attention(t[0], t[1], t[2]));
        Add("attention of transposed tensors", "0; a, b, c = a.transpose(1, 3), b.transpose(0, 2), c.permute(3, 0, 1, 2); out = " + Plain,
            () => [Normal(2, 5, 9, 3), Normal(9, 3, 2, 5), Normal(3, 9, 4, 2)],
            t => F.scaled_dot_product_attention(t[0].transpose(1, 3), t[1].transpose(0, 2), t[2].permute(3, 0, 1, 2)));
        Add("attention of one tensor thrice", "((a @ a.transpose(-2, -1)) / a.shape[-1] ** 0.5).softmax(-1) @ a", () => [Normal(2, 3, 8, 16)],
            t => F.scaled_dot_product_attention(t[0], t[0], t[0]));
        Add("attention too large to keep", Plain, () => [Normal(1, 1, 4200, 8), Normal(1, 1, 4100, 8), Normal(1, 1, 4100, 8)],
            t => F.scaled_dot_product_attention(t[0], t[1], t[2]), 1e-4);

        foreach (var (shape, parts) in ((long[], long[])[])[([3, 50, 384], [3, 50, 3, 4, 32]), ([34, 216], [2, 17, 3, 3, 24])])
        {
            var view = $"parts = a.view({string.Join(", ", parts)}); ";
            Add($"attention of thirds of a leaf, {shape.Length} dimensions", "0; " + view + OfThirds, () => [Normal(shape)],
                t => Heads(t[0], parts) is [var q, var k, var v] ? F.scaled_dot_product_attention(q, k, v) : t[0]);
            Add($"attention of thirds of a product, {shape.Length} dimensions", "0; a = a * 1.5; " + view + OfThirds, () => [Normal(shape)],
                t => Heads(t[0] * 1.5, parts) is [var q, var k, var v] ? F.scaled_dot_product_attention(q, k, v) : t[0]);
        }
        Add("attention of thirds in another order", "0; q, k, v = [x.transpose(1, 2) for x in a.view(2, 9, 3, 2, 8).unbind(2)]; out = ((v @ q.transpose(-2, -1)) / 8 ** 0.5).softmax(-1) @ k",
            () => [Normal(2, 9, 48)], t => Heads(t[0], [2, 9, 3, 2, 8]) is [var q, var k, var v] ? F.scaled_dot_product_attention(v, q, k) : t[0]);
        Add("attention of thirds used elsewhere too", "0; p = a * 2; x = p.view(2, 9, 3, 2, 8).permute(2, 0, 3, 1, 4); out = (((x[0] @ x[1].transpose(-2, -1)) / 8 ** 0.5).softmax(-1) @ x[2]).mean() * p + x[1].mean()",
            () => [Normal(2, 9, 48)], t =>
            {
                var product = t[0] * 2;
                var parts = product.view(2, 9, 3, 2, 8).permute(2, 0, 3, 1, 4);
                return F.scaled_dot_product_attention(parts[0], parts[1], parts[2]).mean() * product + parts[1].mean();
            });
        Add("attention of two thirds and another", "0; q, k, v = a.view(2, 9, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0); out = ((q @ k.transpose(-2, -1)) / 8 ** 0.5).softmax(-1) @ b",
            () => [Normal(2, 9, 48), Normal(2, 2, 9, 8)], t => Heads(t[0], [2, 9, 3, 2, 8]) is [var q, var k, _] ? F.scaled_dot_product_attention(q, k, t[1]) : t[0]);
        Add("attention joined to tokens", "0; q, k, v = a.view(2, 9, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0); out = (((q @ k.transpose(-2, -1)) / 8 ** 0.5).softmax(-1) @ v).transpose(1, 2).reshape(2, 9, 16) * b",
            () => [Normal(2, 9, 48), Normal(2, 9, 16)],
            t => Heads(t[0], [2, 9, 3, 2, 8]) is [var q, var k, var v] ? F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 9, 16) * t[1] : t[0]);

        foreach (var shape in (long[][])[[3, 49, 49], [1, 1, 49], [2, 1, 49, 49], [49, 1], [2, 3, 49, 49]])
            Add($"attention with a mask of {string.Join(" by ", shape)}", Masked, () => [Normal(2, 3, 49, 32), Normal(2, 3, 49, 32), Normal(2, 3, 49, 32), Normal(shape)],
                t => F.scaled_dot_product_attention(t[0], t[1], t[2], t[3]));
        Add("attention of windows", Masked, () => [Normal(2, 4, 3, 16, 8), Normal(2, 4, 3, 16, 8), Normal(2, 4, 3, 16, 8), Normal(4, 3, 16, 16)],
            t => F.scaled_dot_product_attention(t[0], t[1], t[2], t[3]));
        Add("attention with truth values", "((a @ b.transpose(-2, -1)) / 5 ** 0.5).masked_fill(d < 1, float('-inf')).softmax(-1) @ c",
            () => [Normal(2, 3, 20, 5), Normal(2, 3, 20, 5), Normal(2, 3, 20, 7), Integers(3, 20, 20) + torch.eye(20, 20, torch.int64)], t => F.scaled_dot_product_attention(t[0], t[1], t[2], t[3] >= 1));
        Add("attention to nothing", "((a @ b.transpose(-2, -1)) / 2 + d).softmax(-1) @ c",
            () => [Normal(3, 4), Normal(3, 4), Normal(3, 4), torch.tensor(new[] { 0, 0, 0, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, 0, float.NegativeInfinity, 1 }).view(3, 3)],
            t => F.scaled_dot_product_attention(t[0], t[1], t[2], t[3]), gradients: false);
        Add("attention to what came before", "((a @ b.transpose(-2, -1)) / 2).masked_fill(torch.ones(6, 6).triu(1) > 0, float('-inf')).softmax(-1) @ c",
            () => [Normal(2, 6, 4), Normal(2, 6, 4), Normal(2, 6, 4)], t => F.scaled_dot_product_attention(t[0], t[1], t[2], is_casual: true));
        Add("attention in float64", Plain, () => [Normal(2, 9, 4).to(torch.float64), Normal(2, 9, 4).to(torch.float64), Normal(2, 9, 4).to(torch.float64)],
            t => F.scaled_dot_product_attention(t[0], t[1], t[2]), 1e-12);

        AddMany("attention's gradients' gradients", $"torch.autograd.grad(({Masked}).mul(e).sum(), [a, b, c, d], create_graph=True)",
            () => [Normal(2, 9, 4), Normal(2, 8, 4), Normal(2, 8, 5), Normal(9, 8), Normal(2, 9, 5)],
            t => [.. torch.autograd.grad([F.scaled_dot_product_attention(t[0], t[1], t[2], t[3]).mul(t[4]).sum()], t[..4], create_graph: true)]);
        AddMany("attention's gradients' gradients of thirds", $"0; q, k, v = a.view(2, 9, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0); out = torch.autograd.grad(((((q @ k.transpose(-2, -1)) / 8 ** 0.5).softmax(-1) @ v) * b).sum(), [a], create_graph=True)",
            () => [Normal(2, 9, 48), Normal(2, 2, 9, 8)],
            t => Heads(t[0], [2, 9, 3, 2, 8]) is [var q, var k, var v] ? [.. torch.autograd.grad([F.scaled_dot_product_attention(q, k, v).mul(t[1]).sum()], [t[0]], create_graph: true)] : []);

        foreach (var (rows, inputs, outputs) in ((long, long, long)[])[(2500, 128, 140), (333, 140, 37), (70, 1030, 100), (197, 64, 48), (300, 300, 300), (7000, 1, 64)])
        {
            Add($"linear of {rows} by {inputs} to {outputs}", "F.linear(a, b, c)", () => [Normal(rows, inputs), Normal(outputs, inputs), Normal(outputs)],
                t => F.linear(t[0], t[1], t[2]), inputs > 200 || rows > 300 ? 1e-4 : 1e-5);
            Add($"linear of {rows} by {inputs} to {outputs}, no bias", "F.linear(a.view(1, *a.shape), b)", () => [Normal(rows, inputs), Normal(outputs, inputs)],
                t => F.linear(t[0].unsqueeze(0), t[1]), inputs > 200 || rows > 300 ? 1e-4 : 1e-5);
        }
        Add("linear with a frozen weight", "F.linear(a, b.detach(), c.detach()) * 2", () => [Normal(90, 70), Normal(60, 70), Normal(60)], t => F.linear(t[0], t[1].detach(), t[2].detach()) * 2);
        Add("linear of frozen rows", "F.linear(a.detach(), b, c).t() + 1", () => [Normal(90, 70), Normal(60, 70), Normal(60)], t => F.linear(t[0].detach(), t[1], t[2]).t() + 1);
        Add("linear changed in place", "F.linear(a, b, c).add_(a)", () => [Normal(9, 10, 64), Normal(64, 64), Normal(64)], t => F.linear(t[0], t[1], t[2]).add_(t[0]));
        Add("linear of transposed tensors", "F.linear(a.t(), b.t(), c)", () => [Normal(70, 90), Normal(70, 60), Normal(60)], t => F.linear(t[0].t(), t[1].t(), t[2]));
        AddMany("linear's gradients' gradients", "torch.autograd.grad((F.linear(a * 0.1, b, c).sin() * d).mean(), [a, b, c], create_graph=True)",
            () => [Normal(90, 70), Normal(60, 70) * 0.1, Normal(60), Normal(90, 60)], t => [.. torch.autograd.grad([(F.linear(t[0] * 0.1, t[1], t[2]).sin() * t[3]).mean()], t[..3], retain_graph: true, create_graph: true)]);

        Add("gelu of many", "F.gelu(a)", () => [Normal(3, 50, 341) * 3], t => F.gelu(t[0]));
        Add("gelu of extremes", "F.gelu(a)", () => [torch.tensor(new[] { 0, -0f, 1e-30f, -1e-30f, 5, -5, 13, -13, 40, -40, 1e20f, -1e20f, float.NaN, float.PositiveInfinity })], t => F.gelu(t[0]));
        Add("gelu of a transposed tensor", "F.gelu(a.t())", () => [Normal(7, 5)], t => F.gelu(t[0].t()));
        AddMany("gelu's gradients' gradients", "torch.autograd.grad((F.gelu(a) * b).sum(), [a], create_graph=True)", () => [Normal(7, 5), Positive(7, 5)],
            t => [.. torch.autograd.grad([(F.gelu(t[0]) * t[1]).sum()], [t[0]], create_graph: true)]);
        foreach (var (rows, columns) in ((long, long)[])[(2500, 128), (33, 3), (1, 200), (17, 37), (300, 96)])
            Add($"layer norm of {rows} by {columns}", $"F.layer_norm(a, ({columns},), b, c, 1e-6)", () => [Normal(rows, columns) * 3 + 5, Positive(columns), Normal(columns)],
                t => F.layer_norm(t[0], [columns], t[1], t[2], 1e-6), rows > 1000 ? 1e-4 : 1e-5);
        Add("layer norm with scale only", "F.layer_norm(a, (7,), b)", () => [Normal(4, 5, 7), Positive(7)], t => F.layer_norm(t[0], [7], t[1]));
        Add("layer norm of a transposed tensor", "F.layer_norm(a.t(), (4,), b, c)", () => [Normal(4, 9), Positive(4), Normal(4)], t => F.layer_norm(t[0].t(), [4], t[1], t[2]));
        Add("layer norm over two dimensions", "F.layer_norm(a, (5, 6), b, c)", () => [Normal(3, 5, 6), Positive(5, 6), Normal(5, 6)], t => F.layer_norm(t[0], [5, 6], t[1], t[2]));
        AddMany("layer norm's gradients' gradients", "torch.autograd.grad((F.layer_norm(a, (6,), b, c) * d).sum(), [a, b, c], create_graph=True)",
            () => [Normal(4, 6), Positive(6), Normal(6), Normal(4, 6) * 2], t => [.. torch.autograd.grad([(F.layer_norm(t[0], [6], t[1], t[2]) * t[3]).sum()], t[..3], create_graph: true)]);
    }

    private static torch.Tensor[] Heads(torch.Tensor product, long[] shape) => Array.ConvertAll(product.view(shape).unbind(2), part => part.transpose(1, 2));
}
