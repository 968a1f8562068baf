using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Matmul = new("aten::matmul");
    internal static readonly Operator Mm = new("aten::mm");
    internal static readonly Operator Bmm = new("aten::bmm");
    internal static readonly Operator Addmm = new("aten::addmm");
    internal static readonly Operator Einsum = new("aten::einsum");
    internal static readonly Operator Outer = new("aten::outer");
    internal static readonly Operator Dot = new("aten::dot");
    internal static readonly Operator Cholesky = new("aten::linalg_cholesky");
    internal static readonly Operator Solve = new("aten::linalg_solve");
    internal static readonly Operator Inverse = new("aten::linalg_inv");
    internal static readonly Operator VectorNorm = new("aten::linalg_vector_norm");
    internal static readonly Operator Svd = new("aten::linalg_svd");
}

public static partial class torch
{
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);
    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);
    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);
    public static Tensor addmm(Tensor input, Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
        input.addmm(mat1, mat2, beta, alpha);

    /// <summary>A sum of products in Einstein's notation, such as "bij,bjk->bik".</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.Einsum.Call(equation, tensors);

    public partial class Tensor
    {
        /// <summary>The matrix product, batched and broadcast over leading dimensions.</summary>
        public Tensor matmul(Tensor target) => Aten.Matmul.Call(this, target);

        /// <summary>[n, k] x [k, m] -> [n, m].</summary>
        public Tensor mm(Tensor target) => Aten.Mm.Call(this, target);

        /// <summary>[b, n, k] x [b, k, m] -> [b, n, m].</summary>
        public Tensor bmm(Tensor batch2) => Aten.Bmm.Call(this, batch2);

        /// <summary>beta * self + alpha * mat1 x mat2.</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Aten.Addmm.Call(this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor outer(Tensor vec2) => Aten.Outer.Call(this, vec2);

        public Tensor dot(Tensor target) => Aten.Dot.Call(this, target);
    }

    public static partial class linalg
    {
        /// <summary>The lower triangular L with input = L L^T.</summary>
        public static Tensor cholesky(Tensor input) => Aten.Cholesky.Call(input);

        /// <summary>X with A X = B.</summary>
        public static Tensor solve(Tensor A, Tensor B, bool left = true)
        {
            if (left)
                return Aten.Solve.Call(A, B);
            using var transposedA = A.transpose(-2, -1);
            using var transposedB = B.transpose(-2, -1);
            using var solution = Aten.Solve.Call(transposedA, transposedB);
            return solution.transpose(-2, -1);
        }

        public static Tensor inv(Tensor input) => Aten.Inverse.Call(input);

        public static Tensor vector_norm(Tensor input, double ord = 2.0, long[]? dims = null, bool keepdim = false, ScalarType? dtype = null) =>
            Aten.VectorNorm.Call(input, ord, dims, keepdim, dtype);

        public static (Tensor U, Tensor S, Tensor Vh) svd(Tensor input, bool fullMatrices = true) =>
            Aten.Svd.CallTriple(input, fullMatrices);
    }
}
