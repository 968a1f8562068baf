using System.Runtime.ExceptionServices;

namespace Fewshot.Imaging;

/// <summary>Independent work on the images of a batch, on all cores.</summary>
internal static class Workers
{
    /// <summary>Runs the body for 0 .. count - 1; a failure arrives as itself.</summary>
    public static void For(int count, Action<int> body, CancellationToken ct = default)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { CancellationToken = ct }, body);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
