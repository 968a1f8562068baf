using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fewshot.Benchmarks;

/// <summary>The real gateway as a process of its own, over files.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-gateway-").FullName;
    private readonly Process process;

    /// <param name="settings">Environment variables beside address and folder.</param>
    public GatewayProcess(params IEnumerable<KeyValuePair<string, string>> settings)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }

        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Fewshot.Gateway.dll")]) { UseShellExecute = false, RedirectStandardError = true };
        start.Environment["Fewshot__Listen"] = Url;
        start.Environment["Fewshot__StateFolder"] = folder;
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        process = Process.Start(start)!;
        while (process.StandardError.ReadLine() is { } line && !line.Contains("Listening", StringComparison.Ordinal))
            Console.Error.WriteLine(line);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null); // a full pipe would stop it
    }

    public string Url { get; }

    /// <summary>Processor time that it has used.</summary>
    public TimeSpan Cpu
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>The largest resident size it has had, bytes.</summary>
    public long PeakBytes => 1024 * long.Parse(
        File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
