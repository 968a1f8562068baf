using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Zeros = new("aten::zeros");
    internal static readonly Operator Ones = new("aten::ones");
    internal static readonly Operator Full = new("aten::full");
    internal static readonly Operator Empty = new("aten::empty", "memory_format");
    internal static readonly Operator EmptyLike = new("aten::empty_like");
    internal static readonly Operator ZerosLike = new("aten::zeros_like");
    internal static readonly Operator OnesLike = new("aten::ones_like");
    internal static readonly Operator FullLike = new("aten::full_like");
    internal static readonly Operator Arange = new("aten::arange", "start_step");
    internal static readonly Operator Linspace = new("aten::linspace");
    internal static readonly Operator Eye = new("aten::eye", "m");
}

public static partial class torch
{
    public static Tensor zeros(params long[] size) => zeros(size, null);

    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Aten.Zeros.Call(size, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor ones(params long[] size) => ones(size, null);

    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Aten.Ones.Call(size, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Aten.Full.Call(size, value, dtype, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary>A tensor whose elements are whatever the memory held.</summary>
    public static Tensor empty(params long[] size) => empty(size, null);

    /// <inheritdoc cref="empty(long[])"/>
    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Aten.Empty.Call(size, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.EmptyLike.Call(input, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.ZerosLike.Call(input, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.OnesLike.Call(input, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.FullLike.Call(input, value, dtype, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary>The numbers from 0 to before <paramref name="stop"/>.</summary>
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(0, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.Arange.Call(start, stop, step, dtype, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary><paramref name="steps"/> numbers at equal distances from <paramref name="start"/> to <paramref name="end"/>, both included.</summary>
    public static Tensor linspace(double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.Linspace.Call(start, end, steps, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor eye(long rows, long columns = -1L, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Aten.Eye.Call(rows, columns < 0 ? rows : columns, dtype, Argument.None, device).with_requires_grad(requires_grad);
}
