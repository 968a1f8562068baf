namespace TorchSharp;

public static partial class torch
{
    /// <summary>One entry between the square brackets of an index.</summary>
    public readonly struct TensorIndex
    {
        internal enum Form
        {
            Slice,
            Single,
            NewAxis,
            Ellipsis,
            Tensor,
        }

        internal Form Kind { get; private init; }

        internal long? Start { get; private init; }

        internal long? Stop { get; private init; }

        internal long? Step { get; private init; }

        internal Tensor? Positions { get; private init; }

        internal bool IsWhole => Start is null && Stop is null && Step is null;

        /// <summary>How many dimensions of the tensor the entry takes: a mask takes as many as it has.</summary>
        internal int Consumes => Kind switch
        {
            Form.NewAxis or Form.Ellipsis => 0,
            Form.Tensor when Positions!.dtype == ScalarType.Bool => (int)Positions.Dimensions,
            _ => 1,
        };

        /// <summary>As many whole dimensions as are left.</summary>
        public static TensorIndex Ellipsis => new() { Kind = Form.Ellipsis };

        /// <summary>A new dimension of size 1.</summary>
        public static TensorIndex None => new() { Kind = Form.NewAxis };

        /// <summary>A whole dimension.</summary>
        public static TensorIndex Colon => new() { Kind = Form.Slice };

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new() { Kind = Form.Slice, Start = start, Stop = stop, Step = step };

        public static TensorIndex Single(long? index) => new() { Kind = Form.Single, Start = index };

        public static TensorIndex Tensor(Tensor tensor) => new() { Kind = Form.Tensor, Positions = tensor };

        public static implicit operator TensorIndex(long value) => Single(value);

        public static implicit operator TensorIndex(Tensor tensor) => Tensor(tensor);

        public static implicit operator TensorIndex(Index index) => Single(index.IsFromEnd ? -index.Value : index.Value);

        public static implicit operator TensorIndex(Range range) => Slice(
            range.Start.IsFromEnd ? -range.Start.Value : range.Start.Value,
            !range.End.IsFromEnd ? range.End.Value : range.End.Value == 0 ? null : -range.End.Value);
    }
}
