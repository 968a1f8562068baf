namespace Fewshot.Models;

/// <summary>What a checkpoint of another program cannot say.</summary>
/// <param name="Adjust">Makes the preprocessing these weights expect of the standard one; null leaves it.</param>
/// <param name="Heads">Attention heads of a vision transformer of unusual width.</param>
/// <param name="InterpolatePositions">Position embeddings of another image size are interpolated; they are refused otherwise.</param>
public sealed record ImportOptions(Func<Preprocessing, Preprocessing>? Adjust = null, int? Heads = null, bool InterpolatePositions = false);
