using System.Diagnostics;

namespace Fewshot.Artifacts.Tests;

/// <summary>Waits for what must come about, looking often.</summary>
public static class Poll
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(5);

    public static Task UntilAsync(Func<Task<bool>> condition) => ForAsync(async () => await condition() ? "" : null);

    /// <summary>The first answer that is not null.</summary>
    public static async Task<T> ForAsync<T>(Func<Task<T?>> ask)
        where T : class
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < Patience)
        {
            if (await ask() is { } found)
                return found;
            await Task.Delay(Pause);
        }

        throw new TimeoutException($"It did not come about within {Patience.TotalSeconds} s.");
    }
}
