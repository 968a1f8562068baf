using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Cat = new("aten::cat");
    internal static readonly Operator Stack = new("aten::stack");
    internal static readonly Operator Where = new("aten::where", "self");
}

public static partial class torch
{
    /// <summary>Joins tensors along an existing dimension.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Aten.Cat.Call(AsArray(tensors), dim);

    /// <inheritdoc cref="cat"/>
    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    /// <summary>Joins tensors along a new dimension.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.Stack.Call(AsArray(tensors), dim);

    /// <summary>Elements of <paramref name="x"/> where the condition holds, of <paramref name="y"/> elsewhere.</summary>
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Aten.Where.Call(condition, x, y);

    internal static Tensor[] AsArray(IEnumerable<Tensor> tensors) => tensors as Tensor[] ?? [.. tensors];
}
