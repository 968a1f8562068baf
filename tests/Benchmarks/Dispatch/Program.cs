using Fewshot.Benchmarks.Dispatch;

// The gateway under load, with stages that compute nothing.
//   dotnet run -c Release --project tests/Benchmarks/Dispatch -- [dispatch|scale|all]
//   ... dispatch [jobs] [trials of each] [workers] [watchers] [later jobs]
var what = args.ElementAtOrDefault(0) ?? "all";
string Times(double[] sorted) => $"median {sorted[sorted.Length / 2]:F0} ms, p99 {sorted[(int)(0.99 * (sorted.Length - 1))]:F0} ms";
int Number(int place, int standard) => args.Length > place ? int.Parse(args[place]) : standard;
if (what is "dispatch" or "all")
{
    var (jobs, candidates, workers, watchers, later) = (Number(1, 200), Number(2, 25), Number(3, 64), Number(4, 1000), Number(5, 100));
    Console.WriteLine($"{jobs} jobs of {candidates} trials at once, {workers} workers, {watchers} watch streams, {Environment.ProcessorCount} cores (stubs and clients on them too)");
    foreach (var (longest, load) in new[] { (TimeSpan.Zero, "trials that take no time"), (TimeSpan.FromSeconds(0.5), "trials of 0.1 to 0.5 s by seed") })
    {
        var result = await Load.RunAsync(jobs, candidates, workers, watchers, later, longest);
        Console.WriteLine($"{load}:");
        Console.WriteLine($"  {result.Trials} trials dispatched in {result.DispatchSeconds:F1} s: {result.Trials / result.DispatchSeconds:F0} a second");
        Console.WriteLine($"  submit while they run: {Times(result.SubmitMs)} ({later} more jobs, one each 25 ms); at the start, all {jobs} at the same moment: {Times(result.BurstMs)}");
        Console.WriteLine($"  {result.Events} events to the watchers; gateway's peak memory {result.PeakBytes / 1e6:F0} MB; {result.Seconds:F1} s in all");
    }
}

if (what is "scale" or "all")
{
    Console.WriteLine("trials of 0.05 to 0.25 s by seed, 8 jobs at once:");
    foreach (var workers in new[] { 1, 2, 4, 8, 16, 32 })
    {
        // Enough of them that the last ones, which leave workers idle, count little.
        var result = await Load.RunAsync(8, Math.Max(25, 6 * workers), workers, 8, 0, TimeSpan.FromSeconds(0.25));
        Console.WriteLine($"  {workers,2} workers: {result.DispatchSeconds,6:F1} s, speed-up {result.BusySeconds / result.DispatchSeconds,5:F2}, {result.BusySeconds / result.DispatchSeconds / workers:F2} a worker");
    }
}

return 0;
