using System.CommandLine;
using System.Text.Json;
using Fewshot.Cli.Hosting.Cluster;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot cluster</c>: the services as separate processes of this machine, as they run on Kubernetes.</summary>
internal static class ClusterCommand
{
    public static Command Create()
    {
        var workers = OptionKinds.WholeNumber("--workers", "workers of each kind", 1, 64, 2);
        var gateways = OptionKinds.WholeNumber("--gateways", "gateways that take over each other's jobs; any of them can be used", 1, 8, 1);
        var listen = new Option<Uri>("--listen")
        {
            Description = "the first gateway's address, on this machine; others take free ports",
            HelpName = "URL",
            DefaultValueFactory = _ => new Uri("http://127.0.0.1:5210"),
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http", IsLoopback: true, Port: > 0 }) return url;
                result.AddError($"--listen takes a URL of this machine such as http://127.0.0.1:5210, not '{text}'");
                return null;
            },
        };
        var stores = new Option<ClusterStores>("--stores")
        {
            Description = "what the processes share: a Redis and an S3 server started with them, or the files of the state folder",
            HelpName = "servers|files", DefaultValueFactory = _ => ClusterStores.Servers,
        };
        var threads = OptionKinds.WholeNumber("--threads", "CPU threads of each worker; 0: all cores divided by the workers", 0, 1024, 0);
        var state = new Option<string>("--state")
        {
            Description = "folder of everything the processes write, their logs too", HelpName = "DIR", DefaultValueFactory = _ => Path.Combine(SessionOptions.StandardState, "cluster"),
        };
        var json = OptionKinds.Flag("--json", "print what runs as one JSON line, and every later change as another");
        var command = new Command("cluster", "Runs Redis, an S3 server, gateways and several workers of each kind as separate processes; other commands reach them with --gateway. Ctrl-C ends them.")
        {
            workers, gateways, listen, stores, threads, state, json,
        };
        command.SetAction(async (parsed, ct) =>
        {
            var count = parsed.GetValue(workers);
            var wanted = parsed.GetValue(threads);
            var folder = Path.GetFullPath(parsed.GetValue(state)!);
            AtomicOutput.CheckState(folder);
            var settings = new ClusterSettings(
                count, parsed.GetValue(gateways), parsed.GetValue(listen)!, folder, parsed.GetValue(stores), wanted > 0 ? wanted : Math.Max(1, Environment.ProcessorCount / count));
            await using var cluster = await LocalCluster.StartAsync(settings, ct);
            Show(cluster, settings, parsed.GetValue(json));
            await RunAsync(cluster, settings, parsed.GetValue(json), ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task RunAsync(LocalCluster cluster, ClusterSettings settings, bool json, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var loads = StageLoadDisplay.FollowAsync(settings.Listen, Tell, stop.Token);
        try
        {
            await cluster.KeepRunningAsync(Tell, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Ctrl-C: everything is stopped in order.
        }
        finally
        {
            await stop.CancelAsync();
            await loads;
        }

        void Tell(string line) => Console.WriteLine(json ? JsonSerializer.Serialize(new { change = line }) : line);
    }

    private static void Show(LocalCluster cluster, ClusterSettings settings, bool json)
    {
        var gateway = settings.Listen.ToString().TrimEnd('/');
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                gateway, state = settings.State, threads = settings.Threads,
                processes = cluster.Processes.Select(process => new { name = process.Name, process = process.Id, port = process.Port, log = process.Log }),
            }));
            return;
        }

        foreach (var process in cluster.Processes)
            Console.WriteLine($"  {process.Name,-22} process {process.Id,-8} port {process.Port,-6} {process.Log}");
        Console.WriteLine($"the cluster runs, each worker with {settings.Threads} threads; use it with --gateway {gateway}, stop it with Ctrl-C");
    }
}
