using System.Runtime.CompilerServices;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Jobs;

/// <summary>A job's events as lines of a file. One writer, the holder of the job's claim; any number of readers in any process.</summary>
public sealed class FileJobEventLog : IDisposable
{
    private const int ShortestPoll = 50, LongestPoll = 250;
    private static readonly TimeSpan LastEvent = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly FileStream file;

    /// <summary>Opens a log for appending. A line that a crash has cut short is taken away.</summary>
    public FileJobEventLog(string path)
    {
        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var whole = 0L;
        var text = new byte[file.Length];
        file.ReadExactly(text);
        for (var start = 0; text.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var length; start += length + 1)
        {
            LastSequence = Parse(text.AsSpan(start, length))?.Sequence ?? LastSequence;
            whole = start + length + 1;
        }

        file.SetLength(whole);
        file.Position = whole;
    }

    /// <summary>The newest event's number; 0 while there is none.</summary>
    public long LastSequence { get; private set; }

    /// <summary>
    /// Appends an event. The job's end outlives the machine's stop, with all before it; until then a job that is continued after that repeats what was lost.
    /// Progress is left out where the disk is full.
    /// </summary>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public void Append(ProgressNote? progress = null, StepNote? step = null, JobRecord? job = null)
    {
        lock (gate)
        {
            var line = JobJson.Write(new JobEvent(LastSequence + 1, DateTimeOffset.UtcNow, progress, step, job));
            var whole = file.Position;
            try
            {
                file.Write([.. line, (byte)'\n']);
                if (job is { Ended: true })
                    file.Flush(flushToDisk: true);
                LastSequence++;
            }
            catch (IOException e)
            {
                // Whatever part of the line was written would spoil the next one.
                file.SetLength(whole);
                file.Position = whole;
                if (progress is null)
                    throw new StoreFullException("The job's events cannot be written: is the disk that holds the state folder full?", e);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    /// <summary>
    /// Follows a log from a sequence number on, as it grows; ends when <paramref name="ended"/> says so and everything has been given. Gives null
    /// after each silence.
    /// </summary>
    public static async IAsyncEnumerable<JobEvent?> FollowAsync(
        string path, long fromSequence, Func<bool> ended, TimeSpan silence, [EnumeratorCancellation] CancellationToken ct)
    {
        var (news, given) = (System.Diagnostics.Stopwatch.StartNew(), System.Diagnostics.Stopwatch.StartNew());
        var offset = 0L;
        while (true)
        {
            // The record is looked at only where the log has stood still: its gateway may have died between the record of the end and that event.
            var over = news.Elapsed > LastEvent && ended();
            foreach (var line in ReadLines(path, ref offset))
            {
                news.Restart();
                // A damaged line is lost, not the ones after it.
                if (Parse(line) is not { } read)
                    continue;
                if (read.Sequence >= fromSequence)
                {
                    yield return read;
                    given.Restart();
                }

                over |= read.Job is { Ended: true };
            }

            if (over)
                yield break;
            if (given.Elapsed > silence)
            {
                yield return null;
                given.Restart();
            }

            // A log that has been silent for long is looked at less often.
            var pause = Math.Clamp(news.ElapsedMilliseconds / 20, ShortestPoll, LongestPoll);
            await Task.Delay(TimeSpan.FromMilliseconds(pause), ct);
        }
    }

    /// <summary>The number of the newest event in a log; 0 where there is none.</summary>
    public static long ReadLastSequence(string path)
    {
        // No event is longer than this, so the newest one is whole within it.
        var offset = File.Exists(path) ? Math.Max(0, new FileInfo(path).Length - (64 << 10)) : 0;
        return ReadLines(path, ref offset).Select(line => Parse(line)).LastOrDefault(e => e is not null)?.Sequence ?? 0;
    }

    /// <summary>An event; null where its line is damaged.</summary>
    private static JobEvent? Parse(ReadOnlySpan<byte> line) => JobJson.TryRead<JobEvent>(line) is { Sequence: > 0 } read ? read : null;

    /// <summary>The whole lines after an offset, which moves behind them.</summary>
    private static List<byte[]> ReadLines(string path, ref long offset)
    {
        var log = new FileInfo(path);
        if (!log.Exists || log.Length <= offset)
            return [];
        using var reader = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        reader.Position = offset;
        var text = new byte[reader.Length - offset];
        var count = reader.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        List<byte[]> lines = [];
        for (var start = 0; text.AsSpan(start, count - start).IndexOf((byte)'\n') is >= 0 and var length; start += length + 1)
        {
            lines.Add(text[start..(start + length)]);
            offset += length + 1;
        }

        return lines;
    }
}
