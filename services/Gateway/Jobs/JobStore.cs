using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Jobs as files of one folder: <c>ID.json</c> (the record, replaced as a whole), <c>ID.events</c> (one event a line, appended),
/// <c>ID.cancel</c> (somebody wants it stopped). Any number of gateways of one machine may share the folder.
/// </summary>
public sealed class JobStore(string folder) : IDisposable
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private readonly DurableFolder files = new(folder);

    /// <summary>How records and events are written.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The id of the job that a request id names.</summary>
    public static string IdOf(string requestId) => "job-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(requestId)))[..20];

    /// <summary>Makes a job durable, or returns the one that the same request made before.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public async Task<JobRecord> CreateAsync(string requestId, string kind, string spec)
    {
        var record = new JobRecord(IdOf(requestId), requestId, kind, spec, DateTimeOffset.UtcNow);
        if (await files.WriteFirstAsync(record.Id + ".json", JsonSerializer.SerializeToUtf8Bytes(record, Json)))
            return record;
        return FindByRequest(requestId, kind, spec)!;
    }

    /// <summary>The job that a request made before; null when it has not.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public JobRecord? FindByRequest(string requestId, string kind, string spec)
    {
        if (Find(IdOf(requestId)) is not { } existing)
            return null;
        return existing.Kind == kind && existing.Spec == spec ? existing : throw new RequestIdTakenException(requestId);
    }

    /// <summary>A job by its id; null when there is none.</summary>
    public JobRecord? Find(string id)
    {
        if (!IsId(id))
            return null;
        try
        {
            return JsonSerializer.Deserialize<JobRecord>(File.ReadAllBytes(files.PathOf(id + ".json")), Json);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>A job by its id.</summary>
    /// <exception cref="JobNotFoundException">There is none.</exception>
    public JobRecord Get(string id) => Find(id) ?? throw new JobNotFoundException(IsId(id) ? id : "(malformed id)");

    /// <summary>Every job, newest first.</summary>
    public IReadOnlyList<JobRecord> All() =>
        [.. files.Names("job-*.json").Select(name => Find(Path.GetFileNameWithoutExtension(name))).OfType<JobRecord>()
            .OrderByDescending(job => job.CreateTime).ThenBy(job => job.Id, StringComparer.Ordinal)];

    /// <summary>Replaces a job's record. For the holder of the job's claim only.</summary>
    public Task UpdateAsync(JobRecord job) => files.WriteAsync(job.Id + ".json", JsonSerializer.SerializeToUtf8Bytes(job, Json));

    /// <summary>Notes durably that a job shall stop.</summary>
    public Task RequestCancelAsync(string id) => files.WriteAsync(id + ".cancel", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether a job shall stop.</summary>
    public bool IsCancelRequested(string id) => File.Exists(files.PathOf(id + ".cancel"));

    /// <summary>Where a job's events are.</summary>
    public string EventsPath(string id) => files.PathOf(id + ".events");

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();

    private static bool IsId(string id) => id.Length == 24 && id.StartsWith("job-", StringComparison.Ordinal) && !id.AsSpan(4).ContainsAnyExcept(HexDigits);
}
