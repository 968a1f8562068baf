using System.CommandLine;
using System.Text.Json.Nodes;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot profile</c>: what each block costs on this device.</summary>
internal static class ProfileCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var blocks = OptionKinds.Names("--blocks", "measure only these blocks [default: all droppable]");
        var latency = new LatencyOptions();
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "file for the latency profile, which 'compress --latency-profile' takes", "FILE");
        var command = new Command("profile", "Measures the latency that each droppable block costs on this device.");
        model.AddTo(command);
        command.Add(blocks);
        latency.AddTo(command);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var path = parsed.GetValue(output);
            if (path is not null) AtomicOutput.CheckFile("--out", path);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            using var network = ModelInput.Load(model.Read(parsed));
            var names = ModelInput.Blocks(network, parsed.Given(blocks));
            var digest = await open.Gateway.Artifacts.ModelAsync(network, ct);
            var (batch, runs) = latency.Read(parsed);
            var job = await open.RunAsync(JobRequests.Profile(digest, names, batch, runs, compute.Read(parsed)), ct);
            var report = await open.Gateway.Artifacts.ReadAsync(job.ProfileDigest, ct);
            await StageOutput.FileAsync(open, report, path, Print, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(byte[] json)
    {
        var profile = ReportJson.Parse(json);
        var console = Screen.Results();
        var device = profile["device"];
        Console.WriteLine($"{device.Text("name")}, {device.Text("runtime")}, {device.Text("threads")} threads, {device.Text("dtype")}, batch {profile.Number("batch_size"):0}");
        var table = Screen.Table("network", "mean ms", "p50 ms", "p95 ms", "std error ms", "tau %", "+-", "MACs (million)");
        Row(table, profile["original"], "original");
        foreach (var candidate in profile["candidates"] as JsonArray ?? [])
            Row(table, candidate, "without " + candidate.Text("name"));
        console.Write(table);
    }

    private static void Row(Spectre.Console.Table table, JsonNode? measured, string name) => table.AddCells(
        name,
        Ms(measured.Number("mean_us")),
        Ms(measured.Number("p50_us")),
        Ms(measured.Number("p95_us")),
        $"{measured.Number("stderr_us") / 1000:0.000}",
        $"{measured.Number("tau") * 100:0.00}",
        $"{measured.Number("tau_stderr") * 100:0.00}",
        $"{measured.Number("macs") / 1e6:0.000}");

    private static string Ms(double? us) => $"{us / 1000:0.00}";
}
