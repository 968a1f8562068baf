using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fewshot.Benchmarks.Dispatch;

/// <summary>The real gateway as a process of its own, over files.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-dispatch-").FullName;
    private readonly Process process;

    public GatewayProcess(StubWorkers stubs, int workers, int jobs)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }

        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Fewshot.Gateway.dll")]) { UseShellExecute = false, RedirectStandardError = true };
        start.Environment["Fewshot__Listen"] = Url;
        start.Environment["Fewshot__StateFolder"] = folder;
        start.Environment["Gateway__ConcurrentJobs"] = jobs.ToString(CultureInfo.InvariantCulture);
        foreach (var stage in new[] { "LatencyProfilers", "BlockTrials", "Finetuners", "ImageSynthesizers" })
            for (var i = 0; i < workers; i++)
                start.Environment[$"Gateway__{stage}__{i}"] = stubs.Url(i);
        process = Process.Start(start)!;
        while (process.StandardError.ReadLine() is { } line && !line.Contains("Listening", StringComparison.Ordinal))
            Console.Error.WriteLine(line);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null); // a full pipe would stop it
    }

    public string Url { get; }

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
