using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Abs = new("aten::abs");
    internal static readonly Operator Neg = new("aten::neg");
    internal static readonly Operator NegInPlace = new("aten::neg_");
    internal static readonly Operator Exp = new("aten::exp");
    internal static readonly Operator Log = new("aten::log");
    internal static readonly Operator Log1p = new("aten::log1p");
    internal static readonly Operator Sqrt = new("aten::sqrt");
    internal static readonly Operator SqrtInPlace = new("aten::sqrt_");
    internal static readonly Operator Rsqrt = new("aten::rsqrt");
    internal static readonly Operator Reciprocal = new("aten::reciprocal");
    internal static readonly Operator Square = new("aten::square");
    internal static readonly Operator Sin = new("aten::sin");
    internal static readonly Operator Cos = new("aten::cos");
    internal static readonly Operator Floor = new("aten::floor");
    internal static readonly Operator Ceil = new("aten::ceil");
    internal static readonly Operator Round = new("aten::round");
    internal static readonly Operator Sign = new("aten::sign");
    internal static readonly Operator Erf = new("aten::erf");
    internal static readonly Operator Pow = new("aten::pow", "Tensor_Tensor");
    internal static readonly Operator PowScalar = new("aten::pow", "Tensor_Scalar");
    internal static readonly Operator Clamp = new("aten::clamp");
    internal static readonly Operator ClampTensor = new("aten::clamp", "Tensor");
    internal static readonly Operator ClampInPlace = new("aten::clamp_");
    internal static readonly Operator Minimum = new("aten::minimum");
    internal static readonly Operator Maximum = new("aten::maximum");
    internal static readonly Operator Sigmoid = new("aten::sigmoid");
    internal static readonly Operator Tanh = new("aten::tanh");
    internal static readonly Operator Relu = new("aten::relu");
    internal static readonly Operator ReluInPlace = new("aten::relu_");
    internal static readonly Operator Softmax = new("aten::softmax", "int");
    internal static readonly Operator LogSoftmax = new("aten::log_softmax", "int");
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor abs() => Aten.Abs.Call(this);
        public Tensor neg() => Aten.Neg.Call(this);
        public Tensor neg_() => InPlace(Aten.NegInPlace);
        public Tensor exp() => Aten.Exp.Call(this);
        public Tensor log() => Aten.Log.Call(this);
        public Tensor log1p() => Aten.Log1p.Call(this);
        public Tensor sqrt() => Aten.Sqrt.Call(this);
        public Tensor sqrt_() => InPlace(Aten.SqrtInPlace);
        public Tensor rsqrt() => Aten.Rsqrt.Call(this);
        public Tensor reciprocal() => Aten.Reciprocal.Call(this);
        public Tensor square() => Aten.Square.Call(this);
        public Tensor sin() => Aten.Sin.Call(this);
        public Tensor cos() => Aten.Cos.Call(this);
        public Tensor floor() => Aten.Floor.Call(this);
        public Tensor ceil() => Aten.Ceil.Call(this);
        public Tensor round() => Aten.Round.Call(this);
        public Tensor sign() => Aten.Sign.Call(this);
        public Tensor erf() => Aten.Erf.Call(this);

        public Tensor pow(Tensor exponent) => Aten.Pow.Call(this, exponent);
        public Tensor pow(Scalar exponent) => Aten.PowScalar.Call(this, exponent);

        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.Clamp.Call(this, min, max);
        public Tensor clamp(Tensor? min, Tensor? max) => Aten.ClampTensor.Call(this, min, max);
        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => InPlace(Aten.ClampInPlace, min, max);
        public Tensor clip(Scalar? min = null, Scalar? max = null) => clamp(min, max);
        public Tensor clamp_min(Scalar min) => clamp(min);
        public Tensor clamp_max(Scalar max) => clamp(null, max);

        public Tensor minimum(Tensor other) => Aten.Minimum.Call(this, other);
        public Tensor maximum(Tensor other) => Aten.Maximum.Call(this, other);

        public Tensor sigmoid() => Aten.Sigmoid.Call(this);
        public Tensor tanh() => Aten.Tanh.Call(this);
        public Tensor relu() => Aten.Relu.Call(this);
        public Tensor relu_() => InPlace(Aten.ReluInPlace);
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.Softmax.Call(this, dim, dtype);
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.LogSoftmax.Call(this, dim, dtype);
    }
}
