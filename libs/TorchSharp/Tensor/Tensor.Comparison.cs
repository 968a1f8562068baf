using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Eq = new("aten::eq", "Tensor");
    internal static readonly Operator EqScalar = new("aten::eq", "Scalar");
    internal static readonly Operator Ne = new("aten::ne", "Tensor");
    internal static readonly Operator NeScalar = new("aten::ne", "Scalar");
    internal static readonly Operator Lt = new("aten::lt", "Tensor");
    internal static readonly Operator LtScalar = new("aten::lt", "Scalar");
    internal static readonly Operator Le = new("aten::le", "Tensor");
    internal static readonly Operator LeScalar = new("aten::le", "Scalar");
    internal static readonly Operator Gt = new("aten::gt", "Tensor");
    internal static readonly Operator GtScalar = new("aten::gt", "Scalar");
    internal static readonly Operator Ge = new("aten::ge", "Tensor");
    internal static readonly Operator GeScalar = new("aten::ge", "Scalar");
    internal static readonly Operator Equal = new("aten::equal");
    internal static readonly Operator Allclose = new("aten::allclose");
    internal static readonly Operator IsFinite = new("aten::isfinite");
    internal static readonly Operator IsNan = new("aten::isnan");
    internal static readonly Operator IsInf = new("aten::isinf");
    internal static readonly Operator LogicalNot = new("aten::logical_not");
    internal static readonly Operator LogicalAnd = new("aten::logical_and");
    internal static readonly Operator LogicalOr = new("aten::logical_or");
    internal static readonly Operator NonZero = new("aten::nonzero");
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor eq(Tensor target) => Aten.Eq.Call(this, target);
        public Tensor eq(Scalar target) => Aten.EqScalar.Call(this, target);
        public Tensor ne(Tensor target) => Aten.Ne.Call(this, target);
        public Tensor ne(Scalar target) => Aten.NeScalar.Call(this, target);
        public Tensor lt(Tensor target) => Aten.Lt.Call(this, target);
        public Tensor lt(Scalar target) => Aten.LtScalar.Call(this, target);
        public Tensor le(Tensor target) => Aten.Le.Call(this, target);
        public Tensor le(Scalar target) => Aten.LeScalar.Call(this, target);
        public Tensor gt(Tensor target) => Aten.Gt.Call(this, target);
        public Tensor gt(Scalar target) => Aten.GtScalar.Call(this, target);
        public Tensor ge(Tensor target) => Aten.Ge.Call(this, target);
        public Tensor ge(Scalar target) => Aten.GeScalar.Call(this, target);

        public Tensor isfinite() => Aten.IsFinite.Call(this);
        public Tensor isnan() => Aten.IsNan.Call(this);
        public Tensor isinf() => Aten.IsInf.Call(this);
        public Tensor logical_not() => Aten.LogicalNot.Call(this);
        public Tensor logical_and(Tensor other) => Aten.LogicalAnd.Call(this, other);
        public Tensor logical_or(Tensor other) => Aten.LogicalOr.Call(this, other);
        public Tensor nonzero() => Aten.NonZero.Call(this);

        /// <summary>Whether both have the same shape and elements.</summary>
        public bool equal(Tensor target) => Aten.Equal.CallValue(this, target).Integer != 0;

        /// <summary>Whether |self - target| &lt;= atol + rtol |target| everywhere.</summary>
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
            Aten.Allclose.CallValue(this, target, rtol, atol, equal_nan).Integer != 0;

        public static Tensor operator ==(Tensor left, Tensor right) => left.eq(right);
        public static Tensor operator ==(Tensor left, Scalar right) => left.eq(right);
        public static Tensor operator !=(Tensor left, Tensor right) => left.ne(right);
        public static Tensor operator !=(Tensor left, Scalar right) => left.ne(right);
        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);
        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);
        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);
        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);
        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);
        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);
        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);
        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);
    }
}
