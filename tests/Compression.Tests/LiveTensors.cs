using TorchSharp;

namespace Fewshot.Compression.Tests;

/// <summary>How many tensors the process holds.</summary>
internal static class LiveTensors
{
    public static long Count => torch.Tensor.TotalCount;

    /// <summary>The count once the collector has freed what earlier tests left to it (it would otherwise do so in the midst of the test that counts).</summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Count;
    }
}
