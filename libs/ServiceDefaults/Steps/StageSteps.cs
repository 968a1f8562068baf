namespace Fewshot.ServiceDefaults;

/// <summary>
/// The stage verbs as steps, for those who run them and for the gateway, which looks for what is done before it asks a worker.
/// </summary>
public static class StageSteps
{
    /// <summary>Measures networks.</summary>
    public static StepDefinition Profile { get; } = new("/fewshot.profiling.v1.LatencyProfilerService/Profile", 3, "profile");

    /// <summary>Tries blocks.</summary>
    public static StepDefinition RunTrials { get; } = new("/fewshot.trials.v1.BlockTrialService/RunTrials", 2, "trials");

    /// <summary>Tries compressed blocks.</summary>
    public static StepDefinition TryCompressions { get; } = new("/fewshot.trials.v1.BlockTrialService/TryCompressions", 2, "trials");

    /// <summary>Finetunes a pruned network.</summary>
    public static StepDefinition Finetune { get; } = new("/fewshot.finetuning.v1.FinetunerService/Finetune", 2, "finetune");

    /// <summary>Measures accuracy.</summary>
    public static StepDefinition Evaluate { get; } = new("/fewshot.finetuning.v1.FinetunerService/Evaluate", 2, "evaluate");

    /// <summary>Makes images out of a network.</summary>
    public static StepDefinition Synthesize { get; } = new("/fewshot.synthesis.v1.ImageSynthesizerService/Synthesize", 3, "synthesize");

    /// <summary>Trains with labels.</summary>
    public static StepDefinition Train { get; } = new("/fewshot.finetuning.v1.FinetunerService/Train", 2, "train");
}
