using System.Diagnostics;

namespace Fewshot.GrpcTests;

/// <summary>A gRPC peer in another language, as a process of its own that ends with its standard input.</summary>
internal sealed class ForeignProcess : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> NodeModules = new(InstallNodeModulesAsync);
    private readonly Process _process;
    private readonly Task<string> _errors;

    private ForeignProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts <c>python</c> (grpcio) or <c>node</c> (grpc-js); skips the test, with the reason, where it is not to be had.</summary>
    public static async Task<ForeignProcess> StartAsync(string language, params string[] arguments)
    {
        var peers = Path.Combine(AppContext.BaseDirectory, "Peers");
        if (language == "python")
        {
            var (code, text) = await RunAsync("/usr/bin/python3", ["-c", "import grpc, grpc_tools.protoc"], peers);
            Skip.If(code != 0, $"python3-grpcio or python3-grpc-tools is not installed: {text}");
            return Start(new ProcessStartInfo("/usr/bin/python3", [Path.Combine(peers, "peer.py"), .. arguments]));
        }

        var modules = await NodeModules.Value;
        Skip.If(!Directory.Exists(modules), modules);
        var start = new ProcessStartInfo("node", [Path.Combine(peers, "peer.js"), .. arguments]);
        start.Environment["NODE_PATH"] = modules;
        return Start(start);
    }

    /// <summary>The next line that begins with this word, without it.</summary>
    public async Task<string> ReadAsync(string word)
    {
        using var patience = new CancellationTokenSource(EchoHost.Patience);
        while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith(word, StringComparison.Ordinal))
                return line[word.Length..].Trim();
        }

        throw new InvalidOperationException($"The peer ended without '{word}': {await _errors}");
    }

    /// <summary>All its output, after it has ended by itself.</summary>
    public async Task<string[]> ReadToEndAsync()
    {
        using var patience = new CancellationTokenSource(2 * EchoHost.Patience);
        var output = await _process.StandardOutput.ReadToEndAsync(patience.Token);
        await _process.WaitForExitAsync(patience.Token);
        Assert.True(_process.ExitCode == 0, await _errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static ForeignProcess Start(ProcessStartInfo start)
    {
        start.UseShellExecute = false;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        return new ForeignProcess(Process.Start(start)!);
    }

    /// <summary>The folder with grpc-js, installed once under artifacts/; else the reason why there is none.</summary>
    private static async Task<string> InstallNodeModulesAsync()
    {
        var folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../npm/grpc-js"));
        var modules = Path.Combine(folder, "node_modules");
        if (Directory.Exists(Path.Combine(modules, "@grpc/proto-loader")) && Directory.Exists(Path.Combine(modules, "@grpc/grpc-js")))
            return modules;
        Directory.CreateDirectory(folder);
        try
        {
            string[] arguments = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "@grpc/grpc-js@1", "@grpc/proto-loader@0.8"];
            var (code, text) = await RunAsync("npm", arguments, folder);
            return code == 0 ? modules : $"npm cannot install grpc-js: {text}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"npm is not installed: {e.Message}";
        }
    }

    private static async Task<(int Code, string Text)> RunAsync(string file, string[] arguments, string folder)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await errors);
    }
}
