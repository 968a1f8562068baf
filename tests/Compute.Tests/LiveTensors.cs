using TorchSharp;

namespace Fewshot.Compute.Tests;

/// <summary>How many tensors the process holds.</summary>
internal static class LiveTensors
{
    public static long Count => torch.Tensor.TotalCount;

    /// <summary>
    /// The count to compare with later. What earlier tests left to the garbage collector goes first: freed later, in the midst of
    /// the test that counts, it would make the count fall, or hide a leak.
    /// </summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Count;
    }
}
