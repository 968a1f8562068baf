using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Sum = new("aten::sum");
    internal static readonly Operator SumDim = new("aten::sum", "dim_IntList");
    internal static readonly Operator Mean = new("aten::mean");
    internal static readonly Operator MeanDim = new("aten::mean", "dim");
    internal static readonly Operator Var = new("aten::var");
    internal static readonly Operator VarDim = new("aten::var", "dim");
    internal static readonly Operator Std = new("aten::std");
    internal static readonly Operator StdDim = new("aten::std", "dim");
    internal static readonly Operator Prod = new("aten::prod");
    internal static readonly Operator Max = new("aten::max");
    internal static readonly Operator MaxDim = new("aten::max", "dim");
    internal static readonly Operator Min = new("aten::min");
    internal static readonly Operator MinDim = new("aten::min", "dim");
    internal static readonly Operator Amax = new("aten::amax");
    internal static readonly Operator Amin = new("aten::amin");
    internal static readonly Operator Argmax = new("aten::argmax");
    internal static readonly Operator Argmin = new("aten::argmin");
    internal static readonly Operator Topk = new("aten::topk");
    internal static readonly Operator Sort = new("aten::sort");
    internal static readonly Operator SortStable = new("aten::sort", "stable");
    internal static readonly Operator Argsort = new("aten::argsort");
    internal static readonly Operator Norm = new("aten::norm", "Scalar");
    internal static readonly Operator NormDim = new("aten::norm", "ScalarOpt_dim");
    internal static readonly Operator Logsumexp = new("aten::logsumexp");
    internal static readonly Operator All = new("aten::all");
    internal static readonly Operator AllDim = new("aten::all", "dim");
    internal static readonly Operator Any = new("aten::any");
    internal static readonly Operator AnyDim = new("aten::any", "dim");
    internal static readonly Operator Cumsum = new("aten::cumsum");
    internal static readonly Operator CountNonzero = new("aten::count_nonzero");
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor sum(ScalarType? type = null) => Aten.Sum.Call(this, type);
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum([dim], keepdim, type);
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.SumDim.Call(this, dim, keepdim, type);

        public Tensor mean() => Aten.Mean.Call(this);
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Aten.MeanDim.Call(this, dimensions, keepdim, type);

        public Tensor var(bool unbiased = true) => Aten.Var.Call(this, unbiased);
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.VarDim.Call(Cast(type), dimensions, unbiased, keepdim);

        public Tensor std(bool unbiased = true) => Aten.Std.Call(this, unbiased);
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.StdDim.Call(Cast(type), dimensions, unbiased, keepdim);

        public Tensor prod(ScalarType? dtype = null) => Aten.Prod.Call(this, dtype);

        public Tensor max() => Aten.Max.Call(this);
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.MaxDim.CallPair(this, dim, keepdim);
        public Tensor max(Tensor other) => maximum(other);
        public Tensor min() => Aten.Min.Call(this);
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.MinDim.CallPair(this, dim, keepdim);
        public Tensor min(Tensor other) => minimum(other);
        public Tensor amax(long[] dims, bool keepdim = false) => Aten.Amax.Call(this, dims, keepdim);
        public Tensor amin(long[] dims, bool keepdim = false) => Aten.Amin.Call(this, dims, keepdim);
        public Tensor argmax() => Aten.Argmax.Call(this);
        public Tensor argmax(long dim, bool keepdim = false) => Aten.Argmax.Call(this, dim, keepdim);
        public Tensor argmin() => Aten.Argmin.Call(this);
        public Tensor argmin(long dim, bool keepdim = false) => Aten.Argmin.Call(this, dim, keepdim);

        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Aten.Topk.CallPair(this, k, dim, largest, sorted);

        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            stable ? Aten.SortStable.CallPair(this, stable, dim, descending) : Aten.Sort.CallPair(this, dim, descending);

        public Tensor argsort(long dim = -1, bool descending = false) => Aten.Argsort.Call(this, dim, descending);

        public Tensor norm(float p = 2.0f) => Aten.Norm.Call(this, (double)p);
        public Tensor norm(int dimension, bool keepdim = false, float p = 2.0f) =>
            Aten.NormDim.Call(this, (double)p, (long[])[dimension], keepdim);
        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.Logsumexp.Call(this, (long[])[dim], keepdim);

        public Tensor all() => Aten.All.Call(this);
        public Tensor all(long dim, bool keepdim = false) => Aten.AllDim.Call(this, dim, keepdim);
        public Tensor any() => Aten.Any.Call(this);
        public Tensor any(long dim, bool keepdim = false) => Aten.AnyDim.Call(this, dim, keepdim);
        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.Cumsum.Call(this, dim, type);
        public Tensor count_nonzero() => Aten.CountNonzero.Call(this);

        private Tensor Cast(ScalarType? type) => type is { } wanted && wanted != dtype ? to_type(wanted) : this;
    }
}
