using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>An optimiser whose whole state fits a checkpoint, tensor by tensor.</summary>
public abstract class ResumableOptimizer : IDisposable
{
    /// <summary>Updates every parameter that has a gradient, then drops the gradients.</summary>
    public abstract void Step(double learningRate);

    /// <summary>What it remembers, the optimiser's own tensors.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State();

    /// <summary>Takes what <see cref="State"/> gave after this many steps; copies are kept.</summary>
    /// <param name="saved">A tensor by its name; null where there was none.</param>
    public abstract void Restore(Func<string, Tensor?> saved, long steps);

    /// <inheritdoc/>
    public abstract void Dispose();
}
