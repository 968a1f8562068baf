using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator View = new("aten::view");
    internal static readonly Operator Reshape = new("aten::reshape");
    internal static readonly Operator Flatten = new("aten::flatten", "using_ints");
    internal static readonly Operator Transpose = new("aten::transpose", "int");
    internal static readonly Operator Permute = new("aten::permute");
    internal static readonly Operator T = new("aten::t");
    internal static readonly Operator Unsqueeze = new("aten::unsqueeze");
    internal static readonly Operator Squeeze = new("aten::squeeze");
    internal static readonly Operator SqueezeDim = new("aten::squeeze", "dim");
    internal static readonly Operator Expand = new("aten::expand");
    internal static readonly Operator Repeat = new("aten::repeat");
    internal static readonly Operator RepeatInterleave = new("aten::repeat_interleave", "self_int");
    internal static readonly Operator Narrow = new("aten::narrow");
    internal static readonly Operator Slice = new("aten::slice", "Tensor");
    internal static readonly Operator Select = new("aten::select", "int");
    internal static readonly Operator Split = new("aten::split", "Tensor");
    internal static readonly Operator SplitSizes = new("aten::split_with_sizes");
    internal static readonly Operator Chunk = new("aten::chunk");
    internal static readonly Operator Unbind = new("aten::unbind", "int");
    internal static readonly Operator Flip = new("aten::flip");
    internal static readonly Operator Roll = new("aten::roll");
    internal static readonly Operator Unfold = new("aten::unfold");
    internal static readonly Operator AsStrided = new("aten::as_strided");
    internal static readonly Operator Contiguous = new("aten::contiguous");
    internal static readonly Operator Diagonal = new("aten::diagonal");
    internal static readonly Operator Tril = new("aten::tril");
    internal static readonly Operator Triu = new("aten::triu");
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor view(params long[] shape) => Aten.View.Call(this, shape);
        public Tensor view_as(Tensor other) => view(other.shape);
        public Tensor reshape(params long[] shape) => Aten.Reshape.Call(this, shape);
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.Flatten.Call(this, start_dim, end_dim);
        public Tensor transpose(long dim0, long dim1) => Aten.Transpose.Call(this, dim0, dim1);
        public Tensor permute(params long[] permutation) => Aten.Permute.Call(this, permutation);
        public Tensor t() => Aten.T.Call(this);
        public Tensor unsqueeze(long dim) => Aten.Unsqueeze.Call(this, dim);
        public Tensor squeeze(long? dim = null) => dim is { } one ? Aten.SqueezeDim.Call(this, one) : Aten.Squeeze.Call(this);
        public Tensor expand(params long[] sizes) => Aten.Expand.Call(this, sizes);
        public Tensor expand_as(Tensor other) => expand(other.shape);
        public Tensor repeat(params long[] sizes) => Aten.Repeat.Call(this, sizes);
        public Tensor repeat_interleave(long repeats, long? dim = null) => Aten.RepeatInterleave.Call(this, repeats, dim);

        /// <summary>A view of <paramref name="length"/> entries of one dimension.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.Narrow.Call(this, dim, start, length);

        /// <summary>A view of the entries from <paramref name="start"/> to before <paramref name="finish"/> of one dimension.</summary>
        public Tensor slice(long dim, long start, long finish, long step) => Aten.Slice.Call(this, dim, start, finish, step);

        /// <summary>A view of one entry of a dimension, which disappears.</summary>
        public Tensor select(long dim, long index) => Aten.Select.Call(this, dim, index);

        public Tensor[] split(long size, long dim = 0) => Aten.Split.CallList(this, size, dim);
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.SplitSizes.CallList(this, sizes, dim);
        public Tensor[] chunk(long chunks, long dim = 0) => Aten.Chunk.CallList(this, chunks, dim);
        public Tensor[] unbind(int dimension = 0) => Aten.Unbind.CallList(this, dimension);
        public Tensor flip(params long[] dims) => Aten.Flip.Call(this, dims);
        public Tensor roll(long[] shifts, long[]? dims = null) => Aten.Roll.Call(this, shifts, dims ?? []);
        public Tensor roll(long shifts, long dims) => roll([shifts], [dims]);
        public Tensor unfold(long dimension, long size, long step) => Aten.Unfold.Call(this, dimension, size, step);
        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0L) =>
            Aten.AsStrided.Call(this, size, strides, storageOffset);
        public Tensor contiguous() => Aten.Contiguous.Call(this);
        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Aten.Diagonal.Call(this, offset, dim1, dim2);
        public Tensor tril(long diagonal = 0) => Aten.Tril.Call(this, diagonal);
        public Tensor triu(long diagonal = 0) => Aten.Triu.Call(this, diagonal);
    }
}
