namespace Fewshot.Artifacts.Safetensors;

/// <summary>What a reader is willing to take on before it has read anything.</summary>
/// <param name="MaxHeaderBytes">Longest JSON header, bytes.</param>
/// <param name="MaxTensors">Most tensors in one container.</param>
public sealed record SafetensorsLimits(int MaxHeaderBytes = 1 << 20, int MaxTensors = 20_000)
{
    /// <summary>Networks from a caller: 1 MiB of header, 20,000 tensors.</summary>
    public static SafetensorsLimits Service { get; } = new();

    /// <summary>Networks from the user's own disk: the 100 MB that the format's reference reader allows.</summary>
    public static SafetensorsLimits Library { get; } = new(MaxHeaderBytes: 100_000_000);

    /// <summary>Image sets, one tensor an image: 64 MiB of header, 200,000 tensors.</summary>
    public static SafetensorsLimits ImageSets { get; } = new(64 << 20, 200_000);
}
