using System.Diagnostics;
using System.Security.Cryptography;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// A value read from files that may be replaced while it is in use, as mounted Secrets are. When somebody asks for it, the files are
/// compared with what they held before, at most once a second. While they are missing or invalid, the last good value stays.
/// </summary>
internal sealed class FileValue<T>
    where T : class
{
    private const long LargestBytes = 8 << 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly string[] paths;
    private readonly Func<string[], T> parse;
    private readonly Action<T>? replaced;
    private readonly Action<Exception>? invalid;
    private string[] contents;
    private T value;
    private long checkedAt;

    /// <summary>Reads the files for the first time; exceptions pass through.</summary>
    /// <param name="paths">The files, of at most 8 MiB each.</param>
    /// <param name="parse">Makes the value from the files' contents, in the order of the paths.</param>
    /// <param name="replaced">Called with each later value.</param>
    /// <param name="invalid">Called with the reason why a later content was ignored.</param>
    /// <exception cref="FormatException">A file is too large.</exception>
    public FileValue(string[] paths, Func<string[], T> parse, Action<T>? replaced = null, Action<Exception>? invalid = null)
    {
        (this.paths, this.parse, this.replaced, this.invalid) = (paths, parse, replaced, invalid);
        contents = ReadAll();
        value = parse(contents);
        checkedAt = Stopwatch.GetTimestamp();
    }

    public T Value
    {
        get
        {
            lock (gate)
            {
                if (Stopwatch.GetElapsedTime(checkedAt) >= Interval)
                    Refresh();
                return value;
            }
        }
    }

    private void Refresh()
    {
        checkedAt = Stopwatch.GetTimestamp();
        try
        {
            var now = ReadAll();
            if (contents.SequenceEqual(now))
                return;
            contents = now;
            value = parse(now);
            replaced?.Invoke(value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException
            or CryptographicException or ArgumentException)
        {
            invalid?.Invoke(e);
        }
    }

    private string[] ReadAll() => [.. paths.Select(path => new FileInfo(path) is { Exists: true, Length: > LargestBytes and var length }
        ? throw new FormatException($"holds {length} bytes; at most {LargestBytes} are accepted.")
        : File.ReadAllText(path))];
}
