using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fewshot.Histories;

/// <summary>What happened while parts died, as lines of JSON that are only ever appended, in the order in which they were noticed.</summary>
public sealed class History : IDisposable
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly Lock gate = new();
    private readonly FileStream file;

    /// <param name="path">A file, made when missing.</param>
    public History(string path) => file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);

    /// <summary>Notes what happened; may be called by any thread.</summary>
    public void Add(HistoryEntry entry)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(entry, Options), (byte)'\n'];
        lock (gate)
        {
            file.Write(line);
            file.Flush();
        }
    }

    /// <summary>Everything noted so far, read from the file.</summary>
    public IReadOnlyList<HistoryEntry> Read()
    {
        lock (gate)
            return Read(file.Name);
    }

    /// <summary>A history that was written before.</summary>
    public static IReadOnlyList<HistoryEntry> Read(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        List<HistoryEntry> entries = [];
        while (reader.ReadLine() is { } line)
            entries.Add(JsonSerializer.Deserialize<HistoryEntry>(line, Options)!);
        return entries;
    }

    public void Dispose() => file.Dispose();
}
