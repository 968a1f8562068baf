using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator MseLoss = new("aten::mse_loss");
    internal static readonly Operator L1Loss = new("aten::l1_loss");
    internal static readonly Operator CrossEntropy = new("aten::cross_entropy_loss");
    internal static readonly Operator NllLoss = new("aten::nll_loss_nd");
    internal static readonly Operator KlDiv = new("aten::kl_div");
}

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>What a loss does with its elements.</summary>
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }

        public static partial class functional
        {
            /// <summary>(input - target)^2.</summary>
            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Aten.MseLoss.Call(input, target, (long)reduction);

            /// <summary>|input - target|.</summary>
            public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Aten.L1Loss.Call(input, target, (long)reduction);

            /// <summary>The negative log likelihood of the target classes under the softmax of <paramref name="input"/> [N, C].</summary>
            public static Tensor cross_entropy(
                Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100, Reduction reduction = Reduction.Mean,
                double label_smoothing = 0.0) =>
                Aten.CrossEntropy.Call(input, target, weight, (long)reduction, ignore_index, label_smoothing);

            /// <summary>The negative of <paramref name="input"/>, log probabilities [N, C], at the target classes.</summary>
            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Aten.NllLoss.Call(input, target, weight, (long)reduction);

            /// <summary>Kullback-Leibler divergence of <paramref name="target"/> from <paramref name="input"/> (log probabilities). The default is a target in logs.</summary>
            public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) =>
                Aten.KlDiv.Call(input, target, (long)reduction, log_target);
        }
    }
}
