using System.Diagnostics;
using System.Text.Json;

namespace Fewshot.Interop;

/// <summary>A client in another language, run to its end.</summary>
internal static class Peer
{
    private const string Python = "/usr/bin/python3";
    private static readonly string Scripts = Path.Combine(AppContext.BaseDirectory, "Peers");

    /// <summary>What a Python script printed; skips the test, with the reason, where grpcio is not to be had.</summary>
    public static JsonElement RunPython(string script, params IEnumerable<string> arguments)
    {
        Skip.If(!File.Exists(Python), "python3 is not installed");
        var found = Run(Python, ["-c", "import grpc, grpc_tools.protoc"], Scripts);
        Skip.If(found.ExitCode != 0, $"python3-grpcio or python3-grpc-tools is not installed: {found.Error}");
        return Answer(Run(Python, [Path.Combine(Scripts, script), .. arguments], Scripts));
    }

    /// <summary>What a script printed in Node.js; skips the test, with the reason, where grpc-js cannot be installed.</summary>
    public static JsonElement RunNode(string script, params IEnumerable<string> arguments)
    {
        // One folder for all test projects that need it.
        var folder = Directory.CreateDirectory(Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../npm/grpc-js"))).FullName;
        var modules = Path.Combine(folder, "node_modules");
        if (!Directory.Exists(Path.Combine(modules, "@grpc/proto-loader")) || !Directory.Exists(Path.Combine(modules, "@grpc/grpc-js")))
        {
            Skip.If(!IsThere("npm"), "npm is not installed");
            var installed = Run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "@grpc/grpc-js@1", "@grpc/proto-loader@0.8"], folder);
            Skip.If(installed.ExitCode != 0, $"npm cannot install grpc-js: {installed.Error}");
        }

        return Answer(Run("node", [Path.Combine(Scripts, script), .. arguments], Scripts, ("NODE_PATH", modules)));
    }

    private static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static JsonElement Answer((int ExitCode, string Output, string Error) run)
    {
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private static (int ExitCode, string Output, string Error) Run(string program, IEnumerable<string> arguments, string folder, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
