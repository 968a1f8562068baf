namespace Fewshot.Compression.Mimicking;

/// <summary>The learning rate of DC-ViT and of transformers in general: a linear warm-up, then half a cosine down to zero.</summary>
public static class CosineSchedule
{
    /// <param name="peak">After the warm-up.</param>
    /// <param name="warmUp">Share of the iterations.</param>
    public static double Rate(double peak, double warmUp, long iteration, long iterations)
    {
        var rising = Math.Ceiling(warmUp * iterations);
        return iteration < rising
            ? peak * (iteration + 1) / (rising + 1)
            : peak * 0.5 * (1 + Math.Cos(Math.PI * (iteration - rising) / Math.Max(1, iterations - rising)));
    }
}
