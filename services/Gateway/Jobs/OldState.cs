using System.Globalization;
using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Takes over what versions up to November 2026 kept in a state folder: jobs in <c>jobs</c>, steps in <c>ledger</c>, the artifacts that
/// tenants may see in <c>grants</c>. Unfinished jobs go on from their finished steps; their events of that time are not taken over. The
/// folders stay, under another name.
/// </summary>
internal sealed partial class OldState(
    JobArchive archive, IArtifactNames names, GrainCalls grains, FewshotOptions options, ILogger<OldState> logger)
{
    private const string Adopted = "-adopted";

    /// <summary>Takes over what is there; what was begun before and not ended is begun again.</summary>
    public async Task AdoptAsync(CancellationToken ct)
    {
        string In(string folder) => Path.Combine(options.StateFolder, folder);
        var (jobs, ledger, grants) = (In("jobs"), In("ledger"), In("grants"));
        if (Directory.Exists(ledger))
            await AdoptStepsAsync(ledger, ct);
        if (Directory.Exists(jobs))
            await AdoptJobsAsync(jobs, ct);
        if (Directory.Exists(grants))
            await AdoptGrantsAsync(grants, ct);
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

    /// <summary>Files <c>TENANT_DIGEST</c>, which hold the bytes that an upload counts.</summary>
    private async Task AdoptGrantsAsync(string folder, CancellationToken ct)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*_*"))
        {
            if (Path.GetFileName(file).Split('_') is not [var tenant, var hex] || !Digest.TryParse("sha256:" + hex, out var digest))
                continue;
            _ = long.TryParse(await File.ReadAllTextAsync(file, ct), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes);
            var artifact = digest.ToString();
            await grains.TellAsync<ITenantGrain>(
                tenant,
                grain => bytes > 0 ? grain.StoredAsync(Guid.Empty, artifact, bytes, limit: null) : grain.ShowAsync([artifact]),
                ct);
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
