using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Add = new("aten::add", "Tensor");
    internal static readonly Operator AddScalar = new("aten::add", "Scalar");
    internal static readonly Operator AddInPlace = new("aten::add_", "Tensor");
    internal static readonly Operator AddScalarInPlace = new("aten::add_", "Scalar");
    internal static readonly Operator Sub = new("aten::sub", "Tensor");
    internal static readonly Operator SubScalar = new("aten::sub", "Scalar");
    internal static readonly Operator SubInPlace = new("aten::sub_", "Tensor");
    internal static readonly Operator SubScalarInPlace = new("aten::sub_", "Scalar");
    internal static readonly Operator Rsub = new("aten::rsub", "Scalar");
    internal static readonly Operator Mul = new("aten::mul", "Tensor");
    internal static readonly Operator MulScalar = new("aten::mul", "Scalar");
    internal static readonly Operator MulInPlace = new("aten::mul_", "Tensor");
    internal static readonly Operator MulScalarInPlace = new("aten::mul_", "Scalar");
    internal static readonly Operator Div = new("aten::div", "Tensor");
    internal static readonly Operator DivScalar = new("aten::div", "Scalar");
    internal static readonly Operator DivMode = new("aten::div", "Tensor_mode");
    internal static readonly Operator DivScalarMode = new("aten::div", "Scalar_mode");
    internal static readonly Operator DivInPlace = new("aten::div_", "Tensor");
    internal static readonly Operator DivScalarInPlace = new("aten::div_", "Scalar");
    internal static readonly Operator Addcmul = new("aten::addcmul");
    internal static readonly Operator AddcmulInPlace = new("aten::addcmul_");
    internal static readonly Operator Addcdiv = new("aten::addcdiv");
    internal static readonly Operator AddcdivInPlace = new("aten::addcdiv_");
    internal static readonly Operator Lerp = new("aten::lerp", "Scalar");
    internal static readonly Operator LerpInPlace = new("aten::lerp_", "Scalar");
    internal static readonly Operator Remainder = new("aten::remainder", "Scalar");
    internal static readonly Operator Fmod = new("aten::fmod", "Scalar");
}

/// <summary>How a quotient is rounded.</summary>
public enum RoundingMode
{
    None,
    trunc,
    floor,
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor add(Tensor target) => Aten.Add.Call(this, target);
        public Tensor add(Tensor target, Scalar alpha) => Aten.Add.Call(this, target, alpha);
        public Tensor add(Scalar scalar) => Aten.AddScalar.Call(this, scalar);
        public Tensor add(Scalar scalar, Scalar alpha) => Aten.AddScalar.Call(this, scalar, alpha);
        public Tensor add_(Tensor target) => InPlace(Aten.AddInPlace, target);
        public Tensor add_(Tensor target, Scalar alpha) => InPlace(Aten.AddInPlace, target, alpha);
        public Tensor add_(Scalar scalar) => InPlace(Aten.AddScalarInPlace, scalar);
        public Tensor add_(Scalar scalar, Scalar alpha) => InPlace(Aten.AddScalarInPlace, scalar, alpha);

        public Tensor sub(Tensor target) => Aten.Sub.Call(this, target);
        public Tensor sub(Scalar target) => Aten.SubScalar.Call(this, target);
        public Tensor sub_(Tensor target) => InPlace(Aten.SubInPlace, target);
        public Tensor sub_(Scalar target) => InPlace(Aten.SubScalarInPlace, target);
        public Tensor subtract(Tensor target) => sub(target);

        public Tensor mul(Tensor target) => Aten.Mul.Call(this, target);
        public Tensor mul(Scalar target) => Aten.MulScalar.Call(this, target);
        public Tensor mul_(Tensor target) => InPlace(Aten.MulInPlace, target);
        public Tensor mul_(Scalar target) => InPlace(Aten.MulScalarInPlace, target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Aten.Div.Call(this, target) : Aten.DivMode.Call(this, target, rounding_mode.ToString());

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Aten.DivScalar.Call(this, target) : Aten.DivScalarMode.Call(this, target, rounding_mode.ToString());

        public Tensor div_(Tensor target) => InPlace(Aten.DivInPlace, target);
        public Tensor div_(Scalar target) => InPlace(Aten.DivScalarInPlace, target);

        /// <summary>self + value * tensor1 * tensor2.</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Addcmul.Call(this, tensor1, tensor2, value);

        /// <inheritdoc cref="addcmul"/>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => InPlace(Aten.AddcmulInPlace, tensor1, tensor2, value);

        /// <summary>self + value * tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Addcdiv.Call(this, tensor1, tensor2, value);

        /// <inheritdoc cref="addcdiv"/>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => InPlace(Aten.AddcdivInPlace, tensor1, tensor2, value);

        /// <summary>self + weight * (end - self).</summary>
        public Tensor lerp(Tensor end, Scalar weight) => Aten.Lerp.Call(this, end, weight);

        /// <inheritdoc cref="lerp"/>
        public Tensor lerp_(Tensor end, Scalar weight) => InPlace(Aten.LerpInPlace, end, weight);

        /// <summary>The remainder with the sign of the divisor.</summary>
        public Tensor remainder(Scalar other) => Aten.Remainder.Call(this, other);

        /// <summary>The remainder with the sign of the dividend.</summary>
        public Tensor fmod(Scalar other) => Aten.Fmod.Call(this, other);

        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);
        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);
        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);
        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);
        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);
        public static Tensor operator -(Scalar left, Tensor right) => Aten.Rsub.Call(right, left);
        public static Tensor operator -(Tensor tensor) => tensor.neg();
        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);
        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);
        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);
        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);
        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);
        public static Tensor operator /(Scalar left, Tensor right) => right.reciprocal().mul(left);
        public static Tensor operator %(Tensor left, Scalar right) => left.remainder(right);

        // In-place operators give back this very object, not a second reference to it.
        private Tensor InPlace(Operator op)
        {
            op.Run(this);
            return this;
        }

        private Tensor InPlace(Operator op, Argument first)
        {
            op.Run(this, first);
            return this;
        }

        private Tensor InPlace(Operator op, Argument first, Argument second)
        {
            op.Run(this, first, second);
            return this;
        }

        private Tensor InPlace(Operator op, Argument first, Argument second, Argument third)
        {
            op.Run(this, first, second, third);
            return this;
        }
    }
}
