using TorchSharp.Interop;

namespace TorchSharp;

/// <summary>A number or truth value as operators take it. Numbers convert to it implicitly.</summary>
public sealed class Scalar : IDisposable
{
    private Scalar(Kind kind, long bits)
    {
        Kind = kind;
        Bits = bits;
    }

    internal Kind Kind { get; }

    internal long Bits { get; }

    /// <summary>The element type the number stands for: <c>Int64</c>, <c>Float64</c> or <c>Bool</c>.</summary>
    public torch.ScalarType Type => Kind switch
    {
        Kind.Int => torch.ScalarType.Int64,
        Kind.Bool => torch.ScalarType.Bool,
        _ => torch.ScalarType.Float64,
    };

    internal double Real => Kind == Kind.Double ? BitConverter.Int64BitsToDouble(Bits) : Bits;

    internal long Integer => Kind == Kind.Double ? (long)BitConverter.Int64BitsToDouble(Bits) : Bits;

    internal static Scalar FromReal(double value) => new(Kind.Double, BitConverter.DoubleToInt64Bits(value));

    internal static Scalar FromInteger(long value) => new(Kind.Int, value);

    internal static Scalar FromTruth(bool value) => new(Kind.Bool, value ? 1 : 0);

    public static implicit operator Scalar(byte value) => FromInteger(value);
    public static implicit operator Scalar(sbyte value) => FromInteger(value);
    public static implicit operator Scalar(short value) => FromInteger(value);
    public static implicit operator Scalar(int value) => FromInteger(value);
    public static implicit operator Scalar(long value) => FromInteger(value);
    public static implicit operator Scalar(float value) => FromReal(value);
    public static implicit operator Scalar(double value) => FromReal(value);
    public static implicit operator Scalar(bool value) => FromTruth(value);

    /// <summary>Nothing native is held; the official package's scalars are disposable, so these are.</summary>
    public void Dispose()
    {
    }

    /// <inheritdoc/>
    public override string ToString() => Kind == Kind.Double ? Real.ToString() : Bits.ToString();
}

/// <summary>Reads scalars and single-element tensors.</summary>
public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this int value) => Scalar.FromInteger(value);
    public static Scalar ToScalar(this long value) => Scalar.FromInteger(value);
    public static Scalar ToScalar(this float value) => Scalar.FromReal(value);
    public static Scalar ToScalar(this double value) => Scalar.FromReal(value);
    public static Scalar ToScalar(this bool value) => Scalar.FromTruth(value);

    public static float ToSingle(this Scalar value) => (float)value.Real;
    public static double ToDouble(this Scalar value) => value.Real;
    public static long ToInt64(this Scalar value) => value.Integer;
    public static int ToInt32(this Scalar value) => checked((int)value.Integer);
    public static byte ToByte(this Scalar value) => checked((byte)value.Integer);
    public static bool ToBoolean(this Scalar value) => value.Real != 0;
}
