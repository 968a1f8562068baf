using Grpc.Core;
using Grpc.Net.Client;
using Keda.ExternalScaler;

namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>Says how many steps each stage has, whenever that changes: what a cluster would scale by.</summary>
internal static class StageLoadDisplay
{
    private static readonly string[] Stages = ["latency-profiler", "image-synthesizer", "block-trial", "finetuner"];
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    /// <summary>Until the token ends it; a gateway that does not answer is asked again.</summary>
    public static async Task FollowAsync(Uri gateway, Action<string> told, CancellationToken ct)
    {
        using var channel = GrpcChannel.ForAddress(gateway);
        var client = new ExternalScaler.ExternalScalerClient(channel);
        var shown = "";
        try
        {
            while (true)
            {
                await Task.Delay(Poll, ct);
                try
                {
                    var loads = await Task.WhenAll(Stages.Select(stage => LoadAsync(client, stage, ct)));
                    var line = string.Join(", ", loads.Where(load => load.Steps > 0).Select(load => $"{load.Stage} {load.Steps}"));
                    if (line == shown)
                        continue;
                    shown = line;
                    told(line.Length == 0 ? "idle" : $"steps queued or running: {line}");
                }
                catch (RpcException) when (!ct.IsCancellationRequested)
                {
                    // It is being started again.
                }
            }
        }
        catch (Exception e) when (ct.IsCancellationRequested && e is OperationCanceledException or RpcException)
        {
            // The cluster ends.
        }
    }

    private static async Task<(string Stage, double Steps)> LoadAsync(ExternalScaler.ExternalScalerClient client, string stage, CancellationToken ct)
    {
        var request = new GetMetricsRequest { ScaledObjectRef = new ScaledObjectRef { Name = "cluster", Namespace = "local", ScalerMetadata = { ["stage"] = stage } } };
        var answer = await client.GetMetricsAsync(request, deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: ct);
        return (stage, answer.MetricValues.Sum(value => value.MetricValueFloat));
    }
}
