using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Attention = new("aten::scaled_dot_product_attention");

    // libtorch has it as one operator since 2.0.
    internal static readonly bool HasAttention = Version.Parse(torch.__version__.Split('+', 'a')[0]).Major >= 2;
}

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>softmax(query key^T / sqrt(E) + mask) value for [.., L, E], [.., S, E] and [.., S, V].</summary>
            /// <param name="query">[.., L, E].</param>
            /// <param name="key">[.., S, E].</param>
            /// <param name="value">[.., S, V].</param>
            /// <param name="attn_mask">Truth values (false: not attended) or numbers that are added, broadcast to [.., L, S].</param>
            /// <param name="p">Dropout of the attention weights.</param>
            /// <param name="is_casual">Whether a position attends to none after it.</param>
            public static Tensor scaled_dot_product_attention(
                Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0.0, bool is_casual = false)
            {
                if (Aten.HasAttention)
                    return Aten.Attention.Call(query, key, value, attn_mask, p, is_casual);

                if (p == 0 && !is_casual && OwnKernels.Attention(query, key, value, attn_mask) is { } attended)
                    return attended;

                using var scope = NewDisposeScope();
                var scores = query.mul(1.0 / Math.Sqrt(query.size(-1))).matmul(key.transpose(-2, -1));
                if (is_casual)
                    scores = scores.masked_fill_(ones([scores.size(-2), scores.size(-1)], ScalarType.Bool, scores.device).tril().logical_not(), double.NegativeInfinity);
                if (attn_mask is not null)
                    scores = attn_mask.dtype == ScalarType.Bool ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity) : scores.add(attn_mask);
                return dropout(scores.softmax(-1), p, p > 0).matmul(value).MoveToOuterDisposeScope();
            }
        }
    }
}
