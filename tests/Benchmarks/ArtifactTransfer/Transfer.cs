using System.Diagnostics;
using System.Globalization;
using Fewshot.Artifacts;

namespace Fewshot.Benchmarks.ArtifactTransfer;

/// <summary>Moves one large artifact up and down.</summary>
internal sealed class Transfer(string folder, IArtifactStore store)
{
    private const int ChunkBytes = 1 << 20;
    private readonly string source = Path.Combine(folder, "source"), copy = Path.Combine(folder, "copy");

    public async Task<IEnumerable<FormattableString>> RunAsync(int rounds, long bytes)
    {
        await MakeAsync(bytes);
        // Code is loaded once, whatever is moved.
        await store.ReadBytesAsync(await store.PutBytesAsync(new byte[20_000_000]));
        await using var first = File.OpenRead(source);
        var digest = await Digest.OfAsync(first);
        var (plain, up, down, memory) = (new List<double>(), new List<double>(), new List<double>(), 0.0);
        for (var round = 0; round < rounds; round++)
        {
            plain.Add(await SecondsAsync(CopyAsync));
            var before = ResidentMegabytes(peak: false);
            up.Add(await SecondsAsync(async () =>
            {
                await using var content = File.OpenRead(source);
                await store.PutAsync(content, digest);
            }));
            down.Add(await SecondsAsync(async () =>
            {
                await using var content = await store.OpenAsync(digest);
                await WriteAsync(content);
            }));
            memory = Math.Max(memory, ResidentMegabytes(peak: true) - before);
        }

        return
        [
            $"plain copy {Median(plain):0.00} s, up {Median(up):0.00} s, down {Median(down):0.00} s",
            $"speed of a plain copy reached: up {Median(plain.Zip(up, (a, b) => a / b)):0.00}, down {Median(plain.Zip(down, (a, b) => a / b)):0.00}",
            $"extra memory at most {memory:0} MB",
        ];
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static async Task<double> SecondsAsync(Func<Task> work)
    {
        var started = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Resident memory of this process; its peak since it was asked for the present value.</summary>
    private static double ResidentMegabytes(bool peak)
    {
        if (!peak)
        {
            GC.Collect();
            File.WriteAllText("/proc/self/clear_refs", "5");
        }

        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(peak ? "VmHWM:" : "VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private async Task CopyAsync()
    {
        await using var from = File.OpenRead(source);
        await WriteAsync(from);
    }

    /// <summary>Beside the old file and then in its place, as artifacts are written: writing over a file finds its pages in memory, which is another thing.</summary>
    private async Task WriteAsync(Stream content)
    {
        await using (var target = File.Create(copy + ".new", ChunkBytes))
        {
            await content.CopyToAsync(target, ChunkBytes);
            target.Flush(flushToDisk: true);
        }

        File.Move(copy + ".new", copy, overwrite: true);
    }

    private async Task MakeAsync(long bytes)
    {
        var (random, chunk) = (new Random(2021), new byte[ChunkBytes]);
        await using var file = File.Create(source);
        for (var left = bytes; left > 0; left -= ChunkBytes)
        {
            random.NextBytes(chunk);
            await file.WriteAsync(chunk.AsMemory(0, (int)Math.Min(left, ChunkBytes)));
        }
    }
}
