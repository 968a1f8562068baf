using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.Histories;

/// <summary>The artifacts and jobs that services share, looked at beside them.</summary>
internal sealed class SharedStores : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromDays(2), ForEver = TimeSpan.FromDays(1000);
    private readonly WebApplication? app;
    private readonly IServiceProvider services;
    private readonly History history;
    private readonly HashSet<string> everNoted = [];

    /// <summary>Looks through a gateway of this process.</summary>
    public SharedStores(History history, IServiceProvider services) => (this.history, this.services) = (history, services);

    /// <summary>Looks as one gateway more, which runs nothing.</summary>
    public SharedStores(History history, Action<FewshotOptions> configure, string? redis = null)
    {
        this.history = history;
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options =>
        {
            configure(options);
            options.Listen = "http://127.0.0.1:0";
        });
        builder.Logging.ClearProviders();
        builder.AddGateway(options => (options.ReclaimJobs, options.Redis) = (false, redis));
        app = builder.Build();
        services = app.Services;
    }

    public IArtifactStore Artifacts => services.GetRequiredService<IArtifactStore>();

    public StepJournal Journal => services.GetRequiredService<StepJournal>();

    private JobStore Jobs => services.GetRequiredService<JobStore>();

    private IArtifactNames Names => services.GetRequiredService<IArtifactNames>();

    /// <summary>Writes down which results the ledger names for these steps.</summary>
    public async Task SampleAsync(IEnumerable<string> keys)
    {
        foreach (var key in keys)
        {
            if (await Journal.FindRecordAsync(StepKey.Parse(key), default) is { } result)
                history.Add(new(Happening.Result, Step: key, Digest: result.ToString()));
        }
    }

    /// <summary>
    /// Writes down what jobs need, collects what they do not, and writes down what is left; then forgets all jobs, after which nothing may be left.
    /// </summary>
    /// <param name="keys">Every step of the jobs.</param>
    public async Task CollectAsync(IReadOnlyCollection<string> keys)
    {
        // Jobs are asked for through the cluster; everything else needs no more than its parts.
        if (app is not null)
            await app.StartAsync();
        await ((IArtifactRemoval)Artifacts).RemoveUnfinishedAsync(TimeSpan.Zero);
        var needed = await NeededAsync(keys);
        needed.ExceptWith(await NotesAsync());
        foreach (var digest in needed)
            history.Add(new(Happening.Needed, Digest: digest));
        var kept = await CollectThriceAsync(ForEver, firstDay: 3);
        history.Add(new(Happening.Collected));
        foreach (var digest in kept)
            history.Add(new(Happening.Kept, Digest: digest));
        Assert.Empty(await CollectThriceAsync(TimeSpan.Zero, firstDay: 12));
    }

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Collects so often that what nobody needed at first is gone.</summary>
    /// <returns>What is left but for the collector's own lists of what it found.</returns>
    private async Task<HashSet<string>> CollectThriceAsync(TimeSpan keep, int firstDay)
    {
        var collector = services.GetRequiredService<ArtifactCollector>();
        everNoted.UnionWith(await NotesAsync());
        foreach (var day in new[] { firstDay, firstDay + 3, firstDay + 6 })
        {
            await collector.CollectAsync(keep, Grace, DateTimeOffset.UtcNow.AddDays(day));
            everNoted.UnionWith(await NotesAsync());
        }

        HashSet<string> left = [];
        await foreach (var artifact in ((IArtifactRemoval)Artifacts).ListAsync())
            left.Add(artifact.Digest.ToString());
        // The newest list, and older ones that are not found for long enough yet.
        left.ExceptWith(everNoted);
        return left;
    }

    private async Task<HashSet<string>> NotesAsync()
    {
        HashSet<string> digests = [];
        await foreach (var (_, digest) in Names.ListAsync("collection/"))
            digests.Add(digest.ToString());
        return digests;
    }

    private async Task<HashSet<string>> NeededAsync(IEnumerable<string> keys)
    {
        HashSet<string> needed = [];
        await foreach (var (name, digest) in Names.ListAsync(""))
        {
            if (!StepNames.IsOne(name))
                needed.Add(digest.ToString());
        }

        foreach (var (job, _) in (await Jobs.ListAsync(after: null, 1000))!)
        {
            var spec = CompressionSpec.Parser.ParseFrom(await Artifacts.ReadBytesAsync(Digest.Parse(job.Spec)));
            needed.UnionWith(new[]
            {
                job.Spec, spec.NetworkDigest, spec.ImageSetDigest, spec.EvaluationSetDigest, job.Result?.Model, job.Result?.Report, job.Result?.Profile,
            }.Where(digest => !string.IsNullOrEmpty(digest))!);
        }

        foreach (var key in keys.Select(StepKey.Parse))
        {
            if (await Journal.FindRecordAsync(key, default) is { } record)
                needed.Add(record.ToString());
            needed.UnionWith((await Journal.FindAsync(key, default))?.ArtifactDigests ?? []);
        }

        return needed;
    }
}
