using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Takes over what versions up to November 2026 kept in a state folder: jobs in <c>jobs</c>, steps in <c>ledger</c>. Unfinished jobs go on
/// from their finished steps; their events of that time are not taken over. The folders stay, under another name.
/// </summary>
internal sealed partial class OldState(JobArchive archive, IArtifactNames names, FewshotOptions options, ILogger<OldState> logger)
{
    private const string Adopted = "-adopted";

    /// <summary>Takes over what is there; what was begun before and not ended is begun again.</summary>
    public async Task AdoptAsync(CancellationToken ct)
    {
        var (jobs, ledger) = (Path.Combine(options.StateFolder, "jobs"), Path.Combine(options.StateFolder, "ledger"));
        if (Directory.Exists(ledger))
            await AdoptStepsAsync(ledger, ct);
        if (Directory.Exists(jobs))
            await AdoptJobsAsync(jobs, ct);
    }

    private async Task AdoptJobsAsync(string folder, CancellationToken ct)
    {
        var count = 0;
        foreach (var file in Directory.EnumerateFiles(folder, "job-*.json"))
        {
            JobRecord job;
            try
            {
                job = RecordSerializer.Read<JobRecord>(await File.ReadAllBytesAsync(file, ct));
            }
            catch (DataLossException)
            {
                LogDamaged(Path.GetFileName(file));
                continue;
            }

            if (job.Id == Path.GetFileNameWithoutExtension(file) && await archive.FindAsync(job.Id, ct) is null)
                await archive.SaveAsync(job, ct);
            count++;
        }

        Rename(folder);
        LogAdopted(count);
    }

    private async Task AdoptStepsAsync(string folder, CancellationToken ct)
    {
        (string, Func<StepKey, string>)[] kinds = [(".result", StepNames.ResultOf), (".checkpoint", StepNames.CheckpointOf)];
        foreach (var (extension, name) in kinds)
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*" + extension))
            {
                var text = Encoding.ASCII.GetString(await File.ReadAllBytesAsync(file, ct));
                var key = Path.GetFileNameWithoutExtension(file);
                if (key.Length == 64 && key.All(char.IsAsciiHexDigitLower) && Digest.TryParse(text, out var digest))
                    await names.SetFirstAsync(name(StepKey.Parse(key)), digest, ct);
            }
        }

        Rename(folder);
    }

    private static void Rename(string folder)
    {
        if (!Directory.Exists(folder + Adopted))
            Directory.Move(folder, folder + Adopted);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} jobs of an older version were taken over")]
    private partial void LogAdopted(int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "The job in {File}, of an older version, is damaged and was not taken over")]
    private partial void LogDamaged(string file);
}
