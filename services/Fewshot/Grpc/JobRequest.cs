using System.Security.Cryptography;
using Fewshot.Compression.V1;
using Google.Protobuf;

namespace Fewshot.Cli.Grpc;

/// <summary>A job to start. Its request id derives from its content, so that the same command means the same job.</summary>
internal sealed class JobRequest
{
    private readonly CompressionSpec? compression;
    private readonly StartStageRequest? stage;

    private JobRequest(string kind, IMessage content)
    {
        Kind = kind;
        Identity = $"{kind}-{Convert.ToHexStringLower(SHA256.HashData(content.ToByteArray()))[..32]}";
    }

    public JobRequest(CompressionSpec spec)
        : this(spec.MethodCase.ToString().ToLowerInvariant(), spec) => compression = spec;

    public JobRequest(StartStageRequest stage)
        : this(stage.StageCase.ToString().ToLowerInvariant(), stage) => this.stage = stage;

    public string Kind { get; }

    /// <summary>The request id of the first attempt.</summary>
    public string Identity { get; }

    /// <param name="attempt">Counts from 1; a job that failed or was cancelled is started again under the next.</param>
    public string RequestId(int attempt) => attempt == 1 ? Identity : $"{Identity}.{attempt}";

    public async Task<Job> StartAsync(CompressionService.CompressionServiceClient client, int attempt, DateTime deadline, CancellationToken ct)
    {
        if (compression is not null)
        {
            var request = new StartCompressionRequest { RequestId = RequestId(attempt), Spec = compression };
            return (await client.StartCompressionAsync(request, deadline: deadline, cancellationToken: ct)).Job;
        }

        var started = stage!.Clone();
        started.RequestId = RequestId(attempt);
        return (await client.StartStageAsync(started, deadline: deadline, cancellationToken: ct)).Job;
    }
}
