using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Hardtanh = new("aten::hardtanh");
    internal static readonly Operator HardtanhInPlace = new("aten::hardtanh_");
    internal static readonly Operator Gelu = new("aten::gelu");
    internal static readonly Operator GeluInPlace = new("aten::gelu_");
    internal static readonly Operator SigmoidInPlace = new("aten::sigmoid_");
    internal static readonly Operator TanhInPlace = new("aten::tanh_");
    internal static readonly Operator Dropout = new("aten::dropout");
    internal static readonly Operator DropoutInPlace = new("aten::dropout_");
}

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            public static Tensor relu(Tensor input, bool inplace = false) => inplace ? input.relu_() : input.relu();

            /// <summary>min(max(x, 0), 6).</summary>
            public static Tensor relu6(Tensor input, bool inplace = false) => hardtanh(input, 0.0, 6.0, inplace);

            public static Tensor hardtanh(Tensor input, double min_val = -1.0, double max_val = 1.0, bool inplace = false) =>
                inplace ? Own(Aten.HardtanhInPlace, input, min_val, max_val) : Aten.Hardtanh.Call(input, min_val, max_val);

            /// <summary>x times the normal distribution function of x, exactly (by erf).</summary>
            public static Tensor gelu(Tensor x, bool inplace = false) => inplace ? Own(Aten.GeluInPlace, x) : OwnKernels.Gelu(x) ?? Aten.Gelu.Call(x);

            public static Tensor sigmoid(Tensor input, bool inplace = false) => inplace ? Own(Aten.SigmoidInPlace, input) : input.sigmoid();

            public static Tensor tanh(Tensor input, bool inplace = false) => inplace ? Own(Aten.TanhInPlace, input) : input.tanh();

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            public static Tensor log_softmax(Tensor input, long dim, ScalarType? dtype = null) => input.log_softmax(dim, dtype);

            /// <summary>Zeroes elements with probability <paramref name="p"/> and scales the rest by 1 / (1 - p), in training only.</summary>
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Own(Aten.DropoutInPlace, input, p, training) : Aten.Dropout.Call(input, p, training);

            private static Tensor Own(Operator op, Tensor input, params ReadOnlySpan<Argument> more)
            {
                op.Run([input, .. more]);
                return input;
            }
        }
    }
}
