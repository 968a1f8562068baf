using System.Diagnostics;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// What files hold, which may be replaced while it is used, as a mounted Secret is. They are looked at again once a second at most, by their content, and
/// only when somebody asks. While they are missing or broken, what they held before still counts.
/// </summary>
internal sealed class FileValue<T>
    where T : class
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly string[] paths;
    private readonly Func<string[], T> parse;
    private readonly Action<T>? replaced;
    private readonly Action<Exception>? broken;
    private string[] contents;
    private T value;
    private long looked;

    /// <summary>Reads the files for the first time; what goes wrong is thrown.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="parse">The value from the files' contents, in the order of the paths.</param>
    /// <param name="replaced">Is told of each later value.</param>
    /// <param name="broken">Is told why a later content counts for nothing.</param>
    public FileValue(string[] paths, Func<string[], T> parse, Action<T>? replaced = null, Action<Exception>? broken = null)
    {
        (this.paths, this.parse, this.replaced, this.broken) = (paths, parse, replaced, broken);
        contents = Contents();
        value = parse(contents);
        looked = Stopwatch.GetTimestamp();
    }

    public T Value
    {
        get
        {
            lock (gate)
            {
                if (Stopwatch.GetElapsedTime(looked) >= Look)
                    Refresh();
                return value;
            }
        }
    }

    private void Refresh()
    {
        looked = Stopwatch.GetTimestamp();
        try
        {
            var now = Contents();
            if (contents.SequenceEqual(now))
                return;
            contents = now;
            value = parse(now);
            replaced?.Invoke(value);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            broken?.Invoke(e);
        }
    }

    private string[] Contents() => [.. paths.Select(File.ReadAllText)];
}
