using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Conv2d = new("aten::conv2d");
    internal static readonly Operator Linear = new("aten::linear");
    internal static readonly Operator BatchNorm = new("aten::batch_norm");
    internal static readonly Operator LayerNorm = new("aten::layer_norm");
    internal static readonly Operator Pad = new("aten::pad");
}

/// <summary>What padding is filled with.</summary>
public enum PaddingModes
{
    Zeros = 0,
    Reflect = 1,
    Replicate = 2,
    Circular = 3,
    Constant = 4,
}

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            // Process-wide; libtorch reads it for deterministic kernels too.
            private const bool CudnnEnabled = true;

            /// <summary>Convolves [N, C, H, W] with [O, C / groups, h, w] to [N, O, H', W'].</summary>
            public static Tensor conv2d(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null,
                long groups = 1) =>
                Aten.Conv2d.Call(
                    input, weight, bias, strides is null ? Argument.Default : strides, padding is null ? Argument.Default : padding,
                    dilation is null ? Argument.Default : dilation, groups);

            /// <summary>[.., in] x [out, in]^T + [out] -> [.., out].</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) =>
                OwnKernels.Linear(input, weights, bias) ?? Aten.Linear.Call(input, weights, bias);

            /// <summary>
            /// Normalises every channel of [N, C, ..] by the batch's statistics (<paramref name="training"/>, which also updates the running ones) or by the running ones.
            /// </summary>
            public static Tensor batch_norm(
                Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight = null, Tensor? bias = null, bool training = false,
                double momentum = 0.1, double eps = 1e-5) =>
                Aten.BatchNorm.Call(input, weight, bias, running_mean, running_var, training, momentum, eps, CudnnEnabled);

            /// <summary>Normalises the trailing dimensions of <paramref name="normalized_shape"/>.</summary>
            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) =>
                OwnKernels.LayerNorm(input, normalized_shape, weight, bias, eps) ?? Aten.LayerNorm.Call(input, normalized_shape, weight, bias, eps, CudnnEnabled);

            /// <summary>Pads the last dimensions; <paramref name="pad"/> is (left, right) of the last, then of the one before, and so on.</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                mode is PaddingModes.Constant or PaddingModes.Zeros
                    ? Aten.Pad.Call(input, pad, "constant", value)
                    : Aten.Pad.Call(input, pad, mode.ToString().ToLowerInvariant());
        }
    }
}
