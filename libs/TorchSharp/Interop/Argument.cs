using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

internal enum Kind
{
    Default, None, Tensor, Int, Double, Bool, IntList, DoubleList, BoolList, TensorList, OptionalTensorList, String, Device, Generator,
}

/// <summary>The shim's form of an argument or result.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Value
{
    internal Kind Kind;
    internal int Aux;
    internal long Integer;
    internal double Real;
    internal nint Pointer;
}

/// <summary>
/// One argument of an operator call. It keeps the managed object rather than its pointer, so the object lives as long as the caller's argument span.
/// Null means None for tensors, lists and numbers; <see cref="Default"/> takes the operator's own default.
/// </summary>
internal readonly struct Argument
{
    internal readonly object? Reference;
    internal readonly long Bits;
    internal readonly Kind Kind;
    internal readonly int Aux;

    private Argument(Kind kind, long bits = 0, object? reference = null, int aux = 0)
    {
        Kind = kind;
        Bits = bits;
        Reference = reference;
        Aux = aux;
    }

    internal static Argument Default => default;
    internal static Argument None => new(Kind.None);

    internal static Argument OptionalTensors(torch.Tensor?[] tensors) => new(Kind.OptionalTensorList, reference: tensors);

    public static implicit operator Argument(torch.Tensor? tensor) => tensor is null ? None : new(Kind.Tensor, reference: tensor);
    public static implicit operator Argument(torch.Tensor[] tensors) => new(Kind.TensorList, reference: tensors);
    public static implicit operator Argument(long value) => new(Kind.Int, value);
    public static implicit operator Argument(long? value) => value is { } known ? known : None;
    public static implicit operator Argument(double value) => new(Kind.Double, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Argument(double? value) => value is { } known ? known : None;
    public static implicit operator Argument(bool value) => new(Kind.Bool, value ? 1 : 0);
    public static implicit operator Argument(bool[] values) => new(Kind.BoolList, reference: values);
    public static implicit operator Argument(long[]? values) => values is null ? None : new(Kind.IntList, reference: values);
    public static implicit operator Argument(ReadOnlySpan<long> values) => values.ToArray();
    public static implicit operator Argument(double[]? values) => values is null ? None : new(Kind.DoubleList, reference: values);
    public static implicit operator Argument(string? text) => text is null ? None : new(Kind.String, reference: text);
    public static implicit operator Argument(torch.ScalarType type) => (long)type;
    public static implicit operator Argument(torch.ScalarType? type) => type is { } known ? known : None;
    public static implicit operator Argument(torch.Device? device) =>
        device is null ? None : new(Kind.Device, device.index, aux: (int)device.type);
    public static implicit operator Argument(torch.Generator? generator) => generator is null ? None : new(Kind.Generator, reference: generator);
    public static implicit operator Argument(Scalar? scalar) => scalar is null ? None : new(scalar.Kind, scalar.Bits);

    /// <summary>How many 8-byte words of scratch memory the native form needs.</summary>
    internal int ScratchWords => Kind switch
    {
        Kind.IntList => ((long[])Reference!).Length,
        Kind.DoubleList => ((double[])Reference!).Length,
        Kind.BoolList => (((bool[])Reference!).Length + 7) / 8,
        Kind.TensorList or Kind.OptionalTensorList => ((torch.Tensor?[])Reference!).Length,
        Kind.String => ((string)Reference!).Length * 3 / 8 + 1,
        _ => 0,
    };
}
