namespace Fewshot.Gateway.Workflows;

/// <summary>What a network is and costs. MACs are per image.</summary>
public sealed record NetworkFacts(string Variant, IReadOnlyList<BlockFacts> Blocks, long Macs, long Params, int ImageSize, int Classes)
{
    /// <summary>The blocks that can be dropped, in network order.</summary>
    public IReadOnlyList<BlockFacts> Droppable => [.. Blocks.Where(block => block.Droppable)];

    /// <summary>Names of blocks in network order, so that one choice is one request however it was arrived at.</summary>
    public IReadOnlyList<string> InOrder(IEnumerable<string> names)
    {
        var chosen = names.ToHashSet(StringComparer.Ordinal);
        return [.. Blocks.Select(block => block.Name).Where(chosen.Contains)];
    }
}

/// <summary>A residual block; blocks of one output width share a stage.</summary>
/// <param name="AttentionMacs">Of its attention with its norm; 0 where it has none.</param>
/// <param name="MlpMacs">Of its MLP without its norm; 0 where it has none.</param>
/// <param name="Hidden">Hidden units of its MLP.</param>
/// <param name="Compressible">It has attention to lose, and an MLP to narrow.</param>
/// <param name="CheckpointName">In the network's checkpoint, where dropped blocks leave no gap.</param>
public sealed record BlockFacts(
    string Name, int Stage, bool Droppable, long Macs, long Params, long AttentionMacs = 0, long MlpMacs = 0, int Hidden = 0, bool Compressible = false,
    string CheckpointName = "");

/// <summary>What latencies were measured on.</summary>
public sealed record DeviceFacts(string Name, string Runtime, int Threads, string Dtype, string Fingerprint);

/// <summary>A measured network: microseconds a batch, and the reduction tau against the original.</summary>
public sealed record LatencyFacts(
    string Name, long Macs, long Params, double MeanUs, double P50Us, double P95Us, double StderrUs, int Runs, double Tau, double TauStderr);

/// <summary>The original and candidates, measured interleaved.</summary>
public sealed record ProfileFacts(DeviceFacts Device, LatencyFacts Original, IReadOnlyList<LatencyFacts> Candidates, int BatchSize);

/// <summary>A candidate for measurement: the original with these changes.</summary>
public sealed record LatencyCandidate(string Name, IReadOnlyList<BlockEdit> Edits);

/// <summary>What the criterion says of a block; PRACTISE: recoverability, a mean squared error.</summary>
public sealed record TrialFacts(string Block, double Value, double DistanceBefore);

/// <summary>A compressed block that was trained and judged alone: the metric that was asked for, the mimic loss before and after, the trained network.</summary>
public sealed record CompressionFacts(string Block, double Metric, double FirstLoss, double LastLoss, string NetworkDigest);

/// <summary>The finetuned network and its mimic loss before and after.</summary>
public sealed record FinetuneFacts(string NetworkDigest, double FirstLoss, double LastLoss, int Images, IReadOnlyDictionary<string, string> RenamedBlocks);

/// <summary>Accuracy on labeled images, fractions in 0..1.</summary>
public sealed record AccuracyFacts(double Top1, double Top5, int Images, int SkippedImages, double Loss);

/// <summary>A stage's result and the step it came from.</summary>
/// <param name="Value">The result.</param>
/// <param name="Name">The step's name within the job.</param>
/// <param name="Key">Step key, hexadecimal.</param>
/// <param name="Cached">An earlier call had run it.</param>
/// <param name="Seconds">What the work took when it was run.</param>
public sealed record StepResult<T>(T Value, string Name, string Key, bool Cached, double Seconds);
