using Fewshot.Benchmarks;
using Fewshot.Benchmarks.GatewayTransfer;

// Uploads and downloads of one large artifact through a real gateway, and small calls to it; medians over rounds, after one that warms up.
//   dotnet run -c Release --project tests/Benchmarks/GatewayTransfer -- [rounds] [megabytes]
// The gateway keeps its files in TMPDIR: /dev/shm leaves the disk out of it.
var (rounds, megabytes) = (args.Length > 0 ? int.Parse(args[0]) : 7, args.Length > 1 ? int.Parse(args[1]) : 256);
await using var gateway = new GatewayProcess();
using var transfer = new Transfer(gateway, megabytes);
var measured = new List<IReadOnlyList<Figure>>();
for (var round = 0; round <= rounds; round++)
{
    var figures = await transfer.MeasureAsync(round);
    if (round > 0)
        measured.Add(figures);
}

Console.WriteLine($"{"",-24}{"",10}{"",8}{"CPU us/unit",14}   client and gateway together; {Environment.ProcessorCount} cores");
for (var i = 0; i < measured[0].Count; i++)
{
    double Median(Func<Figure, double> of) => measured.Select(round => of(round[i])).Order().ElementAt(rounds / 2);
    var (name, unit) = (measured[0][i].Name, measured[0][i].Unit);
    Console.WriteLine($"{name,-24}{Median(figure => figure.PerSecond),10:N0}{unit,8}{Median(figure => figure.CpuMicroseconds),14:N1}");
}

Console.WriteLine($"gateway's peak memory {gateway.PeakBytes / 1e6:F0} MB");
