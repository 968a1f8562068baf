using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.ClosedForm;

/// <summary>
/// The linear map that best takes rows of x to rows of y, from Gram matrices that are summed in float64 over any number of batches. Where the data
/// say little the map stays near the one it starts from: min ||X W - Y||^2 + lambda tr(X'X)/n ||W - W0||^2.
/// </summary>
internal sealed class RidgeRegression : IDisposable
{
    private readonly Tensor gram, cross;

    /// <param name="inputs">Columns of x.</param>
    /// <param name="outputs">Columns of y.</param>
    public RidgeRegression(long inputs, long outputs, Device device) =>
        (gram, cross) = (zeros([inputs, inputs], ScalarType.Float64, device).DetachFromDisposeScope(), zeros([inputs, outputs], ScalarType.Float64, device).DetachFromDisposeScope());

    /// <summary>Adds rows: <c>[.., inputs]</c> and <c>[.., outputs]</c>.</summary>
    public void Add(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, gram.shape[0]).to(ScalarType.Float64);
        gram.add_(rows.t().matmul(rows));
        cross.add_(rows.t().matmul(y.reshape(-1, cross.shape[1]).to(ScalarType.Float64)));
    }

    /// <summary>W, float64 <c>[inputs, outputs]</c>, in the caller's dispose scope.</summary>
    /// <param name="start">W0, the same shape.</param>
    /// <param name="lambda">Relative to the mean of the Gram matrix's diagonal.</param>
    public Tensor Solve(Tensor start, double lambda)
    {
        using var scope = NewDisposeScope();
        var size = gram.shape[0];
        var ridge = gram.diagonal().mean().mul(lambda).add(1e-12);
        var system = gram + (eye(size, dtype: ScalarType.Float64, device: gram.device) * ridge);
        var from = start.to(ScalarType.Float64);
        return (from + linalg.solve(system, cross - gram.matmul(from))).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        gram.Dispose();
        cross.Dispose();
    }
}
