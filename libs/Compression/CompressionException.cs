namespace Fewshot.Compression;

/// <summary>A network could not be compressed for a reason that its user can act on; the message says which.</summary>
public class CompressionException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A loss became NaN or infinite.</summary>
public sealed class NonFiniteLossException(string stage, long iteration, double loss)
    : CompressionException($"{stage}: the loss became {loss} at iteration {iteration}; lower the learning rate or check the weights and images")
{
    public long Iteration { get; } = iteration;
}
