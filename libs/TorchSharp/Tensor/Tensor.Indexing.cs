using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Index = new("aten::index", "Tensor");
    internal static readonly Operator IndexPut = new("aten::index_put_");
    internal static readonly Operator IndexSelect = new("aten::index_select");
    internal static readonly Operator IndexAdd = new("aten::index_add_");
    internal static readonly Operator IndexCopy = new("aten::index_copy_");
    internal static readonly Operator Gather = new("aten::gather");
    internal static readonly Operator Scatter = new("aten::scatter_", "src");
    internal static readonly Operator ScatterAdd = new("aten::scatter_add_");
    internal static readonly Operator MaskedFill = new("aten::masked_fill", "Scalar");
    internal static readonly Operator MaskedFillInPlace = new("aten::masked_fill_", "Scalar");
    internal static readonly Operator MaskedSelect = new("aten::masked_select");
    internal static readonly Operator CopyInPlace = new("aten::copy_");
}

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Picks entries as Python's square brackets do: numbers, slices, tensors of positions or of truth values, new axes, and the ellipsis.</summary>
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <inheritdoc cref="this[TensorIndex[]]"/>
        public Tensor index(params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var (view, positions) = View(indices);
            if (positions is null)
                return ReferenceEquals(view, this) ? alias().MoveToOuterDisposeScope() : view.MoveToOuterDisposeScope();
            return Aten.Index.Call(view, Argument.OptionalTensors(positions)).MoveToOuterDisposeScope();
        }

        /// <summary>Overwrites the entries that the indices pick.</summary>
        public Tensor index_put_(Tensor value, params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var (view, positions) = View(indices);
            if (positions is null)
                Aten.CopyInPlace.Run(view, value);
            else
                Aten.IndexPut.Run(view, Argument.OptionalTensors(positions), value);
            return this;
        }

        /// <inheritdoc cref="index_put_(Tensor, TensorIndex[])"/>
        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            return index_put_(full([], value, dtype, device), indices);
        }

        /// <summary>Entries of one dimension in the order of a vector of positions.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.IndexSelect.Call(this, dim, index);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => InPlace(Aten.IndexAdd, dim, index, source, alpha);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) => InPlace(Aten.IndexCopy, dim, index, source);

        /// <summary>result[i][j] = self[index[i][j]][j] for dimension 0, and likewise for others.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.Gather.Call(this, dim, index);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => InPlace(Aten.Scatter, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => InPlace(Aten.ScatterAdd, dim, index, src);

        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.MaskedFill.Call(this, mask, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => InPlace(Aten.MaskedFillInPlace, mask, value);

        public Tensor masked_select(Tensor mask) => Aten.MaskedSelect.Call(this, mask);

        // Slices, numbers and new axes become views; tensors are left for one index operation on that view.
        private (Tensor View, Tensor?[]? Positions) View(TensorIndex[] indices)
        {
            var view = this;
            var positions = new List<Tensor?>();
            var consumed = indices.Sum(index => index.Consumes);
            long dimension = 0;
            foreach (var index in indices)
            {
                switch (index.Kind)
                {
                    case TensorIndex.Form.Single:
                        view = view.select(dimension, index.Start!.Value);
                        break;
                    case TensorIndex.Form.Slice:
                        view = index.IsWhole ? view : view.slice(dimension, index.Start ?? 0, index.Stop ?? long.MaxValue, index.Step ?? 1);
                        dimension++;
                        break;
                    case TensorIndex.Form.NewAxis:
                        view = view.unsqueeze(dimension++);
                        break;
                    case TensorIndex.Form.Ellipsis:
                        dimension += Dimensions - consumed;
                        break;
                    case TensorIndex.Form.Tensor:
                        while (positions.Count < dimension)
                            positions.Add(null);
                        positions.Add(index.Positions!);
                        dimension += index.Consumes;
                        while (positions.Count < dimension)
                            positions.Add(null);
                        if (index.Consumes > 1)
                            positions.RemoveRange((int)(dimension - index.Consumes + 1), index.Consumes - 1);
                        break;
                }
            }
            return (view, positions.Exists(position => position is not null) ? [.. positions] : null);
        }

        private Tensor InPlace(Operator op, Argument first, Argument second, Argument third, Argument fourth)
        {
            op.Run(this, first, second, third, fourth);
            return this;
        }
    }
}
