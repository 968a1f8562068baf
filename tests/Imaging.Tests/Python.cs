using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Fewshot.Imaging.Tests;

/// <summary>Debian's Python with Pillow and torchvision, the oracle.</summary>
public static class Python
{
    private const string Interpreter = "/usr/bin/python3";
    private static readonly Lazy<string?> Missing = new(() => !File.Exists(Interpreter) ? "There is no /usr/bin/python3."
        : Run(["-c", "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('numpy', 'PIL', 'torchvision'))))"]) is { Code: not 0 } ? "Debian's python3-pil or python3-torchvision is not installed."
        : null);

    public static void SkipIfMissing() => Skip.If(Missing.Value is not null, Missing.Value);

    /// <summary>Runs a script of the Oracle folder.</summary>
    public static void Oracle(string script, params string[] arguments)
    {
        var (code, error) = Run([Path.Combine(Folder(), "Oracle", script), .. arguments]);
        Assert.True(code == 0, error);
    }

    private static (int Code, string Error) Run(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Interpreter, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
