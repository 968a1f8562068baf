using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.TorchSharp.Parity;

internal sealed class LayerCases : ParityTable
{
    public LayerCases()
    {
        Func<torch.Tensor[]> images = () => [Normal(2, 3, 9, 8)], activations = () => [Normal(4, 7) * 4];
        Func<torch.Tensor[]> convolution = () => [Normal(2, 4, 9, 8), Normal(6, 4, 3, 3), Normal(6)];

        Add("conv2d", "F.conv2d(a, b, c)", convolution, t => F.conv2d(t[0], t[1], t[2]), 1e-4);
        Add("conv2d stride and padding", "F.conv2d(a, b, None, (2, 1), (1, 0))", convolution, t => F.conv2d(t[0], t[1], null, [2, 1], [1, 0]), 1e-4);
        Add("conv2d dilation", "F.conv2d(a, b, c, 1, 2, 2)", convolution, t => F.conv2d(t[0], t[1], t[2], [1], [2], [2]), 1e-4);
        Add("conv2d groups", "F.conv2d(a, b, None, 1, 1, 1, 2)", () => [Normal(2, 4, 9, 8), Normal(6, 2, 3, 3)], t => F.conv2d(t[0], t[1], padding: [1], groups: 2), 1e-4);
        Add("conv2d depthwise", "F.conv2d(a, b, None, 2, 1, 1, 4)", () => [Normal(2, 4, 9, 8), Normal(4, 1, 3, 3)], t => F.conv2d(t[0], t[1], null, [2], [1], groups: 4), 1e-4);
        Add("conv2d channels last", "F.conv2d(a.contiguous(memory_format=torch.channels_last), b, c, 1, 1)", convolution,
            t => F.conv2d(t[0].permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), t[1], t[2], [1], [1]), 1e-4);
        Add("conv2d pointwise", "F.conv2d(a, b)", () => [Normal(2, 4, 5, 5), Normal(6, 4, 1, 1)], t => F.conv2d(t[0], t[1]), 1e-4);

        Func<torch.Tensor[]> norm = () => [Normal(4, 3, 5, 5), Normal(3), Positive(3), Positive(3) * 2, Normal(3) * 3];
        AddMany("batch norm training", "[F.batch_norm(a, b.detach(), c.detach(), d, e, True, 0.1, 1e-5), b.detach(), c.detach()]", norm,
            t => [F.batch_norm(t[0], t[1].detach(), t[2].detach(), t[3], t[4], true), t[1].detach(), t[2].detach()]);
        Add("batch norm evaluation", "F.batch_norm(a, b.detach(), c.detach(), d, e, False, 0.1, 1e-3)", norm,
            t => F.batch_norm(t[0], t[1].detach(), t[2].detach(), t[3], t[4], eps: 1e-3));
        Add("batch norm without running statistics", "F.batch_norm(a, None, None, None, None, True)", () => [Normal(4, 3, 5, 5)], t => F.batch_norm(t[0], null, null, training: true));
        Add("layer norm", "F.layer_norm(a, (6,), b, c, 1e-6)", () => [Normal(2, 5, 6), Positive(6), Normal(6)], t => F.layer_norm(t[0], [6], t[1], t[2], 1e-6));
        Add("layer norm plain", "F.layer_norm(a, (5, 6))", () => [Normal(2, 5, 6)], t => F.layer_norm(t[0], [5, 6]));

        Add("relu in place", "F.relu(a * 1, inplace=True)", activations, t => F.relu(t[0] * 1, true));
        Add("relu6", "F.relu6(a)", activations, t => F.relu6(t[0]));
        Add("relu6 in place", "F.relu6(a * 1, inplace=True)", activations, t => F.relu6(t[0] * 1, true));
        Add("hardtanh", "F.hardtanh(a, -2, 3)", activations, t => F.hardtanh(t[0], -2, 3));
        Add("gelu", "F.gelu(a)", activations, t => F.gelu(t[0]));
        Add("sigmoid functional", "torch.sigmoid(a)", activations, t => F.sigmoid(t[0]));
        Add("tanh functional", "torch.tanh(a)", activations, t => F.tanh(t[0]));
        Add("log softmax functional", "F.log_softmax(a, 1)", activations, t => F.log_softmax(t[0], 1));
        Add("dropout off", "F.dropout(a, 0.5, training=False)", activations, t => F.dropout(t[0], 0.5, false));
        Add("dropout on", "F.dropout(a, 0.3)", activations, t => F.dropout(t[0], 0.3));

        Add("max pool", "F.max_pool2d(a, 3, 2, 1)", images, t => F.max_pool2d(t[0], 3, 2, 1));
        Add("max pool lists", "F.max_pool2d(a, (2, 3), (1, 2), (1, 0), (1, 1), True)", images, t => F.max_pool2d(t[0], [2, 3], [1, 2], [1, 0], [1, 1], true));
        Add("max pool default stride", "F.max_pool2d(a, 2)", images, t => F.max_pool2d(t[0], 2));
        Add("average pool", "F.avg_pool2d(a, 3, 2, 1, False, False)", images, t => F.avg_pool2d(t[0], 3, 2, 1, false, false));
        Add("average pool lists", "F.avg_pool2d(a, (2, 3))", images, t => F.avg_pool2d(t[0], [2, 3]));
        Add("adaptive average pool", "F.adaptive_avg_pool2d(a, 1)", images, t => F.adaptive_avg_pool2d(t[0], 1));
        Add("adaptive average pool to a grid", "F.adaptive_avg_pool2d(a, (4, 3))", images, t => F.adaptive_avg_pool2d(t[0], (4, 3)));

        foreach (var mode in (string[])["bilinear", "bicubic"])
        {
            var kind = mode == "bilinear" ? torch.InterpolationMode.Bilinear : torch.InterpolationMode.Bicubic;
            Add($"{mode}", $"F.interpolate(a, (5, 13), mode='{mode}', align_corners=False)", images, t => F.interpolate(t[0], [5, 13], mode: kind, align_corners: false));
            Add($"{mode} corners", $"F.interpolate(a, (5, 13), mode='{mode}', align_corners=True)", images, t => F.interpolate(t[0], [5, 13], mode: kind, align_corners: true));
            Add($"{mode} antialias", $"F.interpolate(a, (4, 3), mode='{mode}', align_corners=False, antialias=True)", images,
                t => F.interpolate(t[0], [4, 3], mode: kind, align_corners: false, antialias: true));
            Add($"{mode} factors", $"F.interpolate(a, scale_factor=(0.7, 1.6), mode='{mode}', align_corners=False)", images,
                t => F.interpolate(t[0], scale_factor: [0.7, 1.6], mode: kind, align_corners: false));
            Add($"{mode} factors again", $"F.interpolate(a, scale_factor=0.7, mode='{mode}', align_corners=False, recompute_scale_factor=True)", images,
                t => F.interpolate(t[0], scale_factor: [0.7], mode: kind, align_corners: false, recompute_scale_factor: true));
        }
        Add("nearest", "F.interpolate(a, (5, 13))", images, t => F.interpolate(t[0], [5, 13]));
        Add("nearest exact", "F.interpolate(a, (5, 13), mode='nearest-exact')", images, t => F.interpolate(t[0], [5, 13], mode: torch.InterpolationMode.NearestExact));
        Add("area", "F.interpolate(a, (3, 4), mode='area')", images, t => F.interpolate(t[0], [3, 4], mode: torch.InterpolationMode.Area));
        Add("pad", "F.pad(a, (1, 2, 0, 3), value=0.5)", images, t => F.pad(t[0], [1, 2, 0, 3], PaddingModes.Constant, 0.5));
        Add("pad reflect", "F.pad(a, (1, 2, 0, 3), mode='reflect')", images, t => F.pad(t[0], [1, 2, 0, 3], PaddingModes.Reflect));
        Add("pad crop", "F.pad(a, (-1, -2, -1, 0))", images, t => F.pad(t[0], [-1, -2, -1, 0]));

        Func<torch.Tensor[]> heads = () => [Normal(2, 3, 4, 5), Normal(2, 3, 6, 5), Normal(2, 3, 6, 7)];
        Add("attention", "((a @ b.transpose(-2, -1)) / 5 ** 0.5).softmax(-1) @ c", heads, t => F.scaled_dot_product_attention(t[0], t[1], t[2]));
        Add("attention with mask", "(((a @ b.transpose(-2, -1)) / 5 ** 0.5).masked_fill(d < 1, float('-inf'))).softmax(-1) @ c",
            () => [.. heads(), Integers(3, 4, 6) + torch.eye(4, 6, torch.int64)], t => F.scaled_dot_product_attention(t[0], t[1], t[2], t[3] >= 1));
    }
}
