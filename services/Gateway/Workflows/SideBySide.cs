namespace Fewshot.Gateway.Workflows;

/// <summary>Parts of a job that do not wait for each other.</summary>
public static class SideBySide
{
    /// <summary>Runs the parts and gives their results in the parts' order. One part's failure is the job's: the others are told to stop, and it is thrown.</summary>
    public static async Task<TResult[]> RunAsync<TPart, TResult>(IEnumerable<TPart> parts, Func<TPart, CancellationToken, Task<TResult>> work, CancellationToken stop)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        return await Task.WhenAll(parts.Select(async part =>
        {
            try
            {
                return await work(part, failed.Token);
            }
            catch (Exception) when (!failed.IsCancellationRequested)
            {
                await failed.CancelAsync();
                throw;
            }
        }));
    }
}
