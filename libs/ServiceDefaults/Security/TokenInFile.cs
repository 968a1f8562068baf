using System.Diagnostics;

namespace Fewshot.ServiceDefaults;

/// <summary>A token in a file of its own, which may be replaced while it is used.</summary>
public sealed class TokenInFile
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);
    private readonly Lock gate = new();
    private readonly string path;
    private string token;
    private long looked;

    /// <summary>Reads the token for the first time.</summary>
    /// <param name="path">The file.</param>
    /// <param name="option">What the path came in, for messages.</param>
    /// <exception cref="HostOptionsException">The file cannot be read or holds no token.</exception>
    public TokenInFile(string path, string option)
    {
        this.path = path;
        try
        {
            token = Read(path) ?? throw new HostOptionsException($"{option}: '{LogText.Escape(path)}' must hold one token and nothing else; 'fewshot token new' makes one.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option}: '{LogText.Escape(path)}' cannot be read: is the path right, and may this user read it?", e);
        }

        looked = Stopwatch.GetTimestamp();
    }

    /// <summary>The token now; the one before where the file is in the making.</summary>
    public string Read()
    {
        lock (gate)
        {
            if (Stopwatch.GetElapsedTime(looked) > Look)
            {
                looked = Stopwatch.GetTimestamp();
                try
                {
                    token = Read(path) ?? token;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It is being replaced.
                }
            }

            return token;
        }
    }

    /// <summary>One word of what an HTTP header may carry.</summary>
    private static string? Read(string path) => File.ReadAllText(path).Trim() is { Length: > 0 and <= 1024 } text && text.All(c => c is > ' ' and <= '~') ? text : null;
}
