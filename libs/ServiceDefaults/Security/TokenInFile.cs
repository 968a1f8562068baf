namespace Fewshot.ServiceDefaults;

/// <summary>A token in a file of its own, which may be replaced while it is used.</summary>
public sealed class TokenInFile
{
    private readonly FileValue<string> token;

    /// <summary>Reads the token for the first time.</summary>
    /// <param name="path">The file.</param>
    /// <param name="option">What the path came in, for messages.</param>
    /// <exception cref="HostOptionsException">The file cannot be read or holds no token.</exception>
    public TokenInFile(string path, string option)
    {
        try
        {
            token = new FileValue<string>([path], contents => Parse(contents[0]));
        }
        catch (FormatException e)
        {
            throw new HostOptionsException(
                $"{option}: '{LogText.Escape(path)}' must hold one token and nothing else; 'fewshot token new' makes one.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option}: '{LogText.Escape(path)}' cannot be read: is the path right, and may this user read it?", e);
        }
    }

    /// <summary>The token now; the one before while the file is being replaced.</summary>
    public string Read() => token.Value;

    /// <summary>One word of what an HTTP header may carry.</summary>
    private static string Parse(string content)
    {
        var word = content.Trim();
        return word.Length is > 0 and <= 1024 && word.All(c => c is > ' ' and <= '~') ? word : throw new FormatException("no token");
    }
}
