using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Fewshot.Artifacts;

namespace Fewshot.ServiceDefaults;

/// <summary>A file of tenants, as <see cref="FewshotOptions.Tokens"/> names it: <c>{"tenants":[{"name":"acme","tokens":["sha256:..."]}]}</c>.</summary>
public static class TenantFile
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It cannot be read, or is none; the message names the field.</exception>
    public static KnownTenants Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new FormatException("cannot be read: is the path right, and may this user read it?", e);
        }
    }

    /// <summary>Reads a file's content.</summary>
    /// <exception cref="FormatException">It is none; the message names the field.</exception>
    public static KnownTenants Parse(ReadOnlySpan<byte> content)
    {
        Document document;
        try
        {
            document = JsonSerializer.Deserialize<Document>(content, Json) ?? throw new FormatException("""must hold {"tenants": [...]}.""");
        }
        catch (JsonException e)
        {
            throw new FormatException($"is no file of tenants, at {LogText.Escape(e.Path ?? "its beginning")}, line {e.LineNumber + 1}.", e);
        }

        var known = new KnownTenants();
        for (var i = 0; i < document.Tenants.Count; i++)
            Add(known, document.Tenants[i], $"tenants[{i}]");
        return known;
    }

    /// <summary>Adds the digest of a token to a tenant of a file, which is replaced as a whole and is its owner's alone; both are made when missing.</summary>
    /// <exception cref="FormatException">There is a file, and it is no such file.</exception>
    public static void Add(string path, string tenant, string token)
    {
        using var turn = Lock(path);
        var document = new JsonObject();
        if (File.Exists(path))
        {
            Read(path);
            document = JsonNode.Parse(File.ReadAllBytes(path), documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true })!.AsObject();
        }

        if (document["tenants"] is not JsonArray tenants)
            document["tenants"] = tenants = [];
        if (tenants.FirstOrDefault(one => (string?)one!["name"] == tenant) is not { } entry)
            tenants.Add(entry = new JsonObject { ["name"] = tenant, ["tokens"] = new JsonArray() });
        entry["tokens"]!.AsArray().Add(BearerToken.DigestOf(token));
        var content = Encoding.UTF8.GetBytes(document.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        Parse(content);

        var temporary = $"{path}.{Guid.NewGuid():n}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using (var file = new FileStream(temporary, options))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Two at the same moment would each write the file without the other's token. A file beside it, since the file itself is replaced.</summary>
    private static FileStream Lock(string path)
    {
        var name = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.lock");
        for (var begun = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(name) && Stopwatch.GetElapsedTime(begun) < LockPatience)
            {
                Thread.Sleep(10);
            }
        }
    }

    private static void Add(KnownTenants known, Entry entry, string field)
    {
        if (!Tenant.IsName(entry.Name))
            throw new FormatException($"{field}.name must be 1 to 63 of a-z, 0-9, '-' and '.', beginning and ending with a letter or digit.");
        var tenant = new Tenant(entry.Name)
        {
            MaxUnfinishedJobs = (int?)Limit(entry.MaxUnfinishedJobs, field, "maxUnfinishedJobs"),
            MaxRunningJobs = (int?)Limit(entry.MaxRunningJobs, field, "maxRunningJobs"),
            MaxArtifactBytes = Limit(entry.MaxArtifactBytes, field, "maxArtifactBytes"),
            MaxStreams = (int?)Limit(entry.MaxStreams, field, "maxStreams"),
            MaxComputeSeconds = Limit(entry.MaxComputeSeconds, field, "maxComputeSeconds"),
        };
        if (!known.TryAdd(tenant))
            throw new FormatException($"{field}.name: '{entry.Name}' is there twice.");
        for (var i = 0; i < entry.Tokens.Count; i++)
        {
            if (!Digest.TryParse(entry.Tokens[i], out var digest))
                throw new FormatException($"{field}.tokens[{i}] must be the digest of a token, sha256: followed by 64 lower-case hexadecimal digits; 'fewshot token new' makes one.");
            if (!known.TryAdd(Convert.FromHexString(digest.Hex), tenant))
                throw new FormatException($"{field}.tokens[{i}] is there twice.");
        }
    }

    private static long? Limit(long? value, string field, string name) =>
        value is null or > 0 ? value : throw new FormatException($"{field}.{name} must be above 0; leave it out for the gateway's default.");

    private sealed record Document(IReadOnlyList<Entry> Tenants);

    private sealed record Entry(string Name, IReadOnlyList<string> Tokens)
    {
        public int? MaxUnfinishedJobs { get; init; }

        public int? MaxRunningJobs { get; init; }

        public long? MaxArtifactBytes { get; init; }

        public int? MaxStreams { get; init; }

        public long? MaxComputeSeconds { get; init; }
    }
}
