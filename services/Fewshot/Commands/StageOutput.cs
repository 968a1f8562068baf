using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary>Results of single stages: the files asked for, then JSON or a table.</summary>
internal static class StageOutput
{
    /// <summary>Writes the report to a file when one is named, and prints it.</summary>
    public static async Task FileAsync(Session session, byte[] report, string? path, Action<byte[]> print, CancellationToken ct)
    {
        if (path is not null) await AtomicOutput.WriteAsync(path, file => file.WriteAsync(report, ct).AsTask());
        await PrintAsync(session, report, path, print);
    }

    /// <summary>Writes model.safetensors and report.json into a folder and prints the report.</summary>
    public static async Task FolderAsync(Session session, JobSummary job, string folder, Action<byte[]> print, CancellationToken ct)
    {
        var transfer = session.Gateway.Artifacts;
        var report = await transfer.ReadAsync(job.ReportDigest, ct);
        using (var results = new AtomicOutput())
        {
            await results.AddAsync(Path.Combine(folder, "model.safetensors"), file => transfer.DownloadAsync(job.ModelDigest, file, ct));
            await results.AddAsync(Path.Combine(folder, "report.json"), file => file.WriteAsync(report, ct).AsTask());
            results.Commit();
        }

        await PrintAsync(session, report, folder, print);
    }

    /// <summary>Prints the report as JSON, or as its command prints it.</summary>
    public static async Task PrintAsync(Session session, byte[] report, string? where, Action<byte[]> print)
    {
        await session.EndDisplayAsync();
        if (session.Settings.Json)
        {
            Console.WriteLine(ReportJson.OneLine(report));
            return;
        }

        print(report);
        if (where is not null) Console.WriteLine($"results in {where}");
    }
}
