namespace Fewshot.Gateway.Workflows;

/// <summary>What the pixels of synthesised images minimise.</summary>
public enum SynthesisMethod
{
    /// <summary><see cref="Deepinversion"/> where the network has batch norm, else <see cref="Deepdream"/>.</summary>
    Auto,

    /// <summary>Cross entropy, total variation and Euclidean norm.</summary>
    Deepdream,

    /// <summary>And the distance from the batch-norm statistics (arXiv 1912.08795).</summary>
    Deepinversion,
}

/// <summary>Images to be made out of a network; every default filled in.</summary>
/// <param name="Images">How many.</param>
/// <param name="Iterations">Steps of each batch.</param>
/// <param name="Method">What is minimised.</param>
/// <param name="BatchSize">Images optimised together, and the unit of work of one worker: another size gives other images.</param>
public sealed record SynthesisPlan(int Images, int Iterations, SynthesisMethod Method, int BatchSize)
{
    /// <summary>First image and count of every batch.</summary>
    public IEnumerable<(int First, int Count)> Batches() =>
        Enumerable.Range(0, (Images + BatchSize - 1) / BatchSize).Select(i => (i * BatchSize, Math.Min(BatchSize, Images - (i * BatchSize))));
}

/// <summary>One worker's share of a synthesised set.</summary>
/// <param name="TeacherTop1">How often the network sees the intended class in the stored images, a fraction.</param>
public sealed record SynthesisShard(string ImageSetDigest, int Images, double TeacherTop1, SynthesisMethod Method);

/// <summary>A synthesised set.</summary>
/// <param name="ImageSetDigest">PNG images, labeled with the intended classes.</param>
/// <param name="PreviewDigest">The images as one PNG grid.</param>
/// <param name="Images">How many.</param>
/// <param name="TeacherTop1">How often the network sees the intended class in the stored images, a fraction.</param>
/// <param name="Seconds">Of work, also where it was done by an earlier run.</param>
/// <param name="Method">What was minimised.</param>
/// <param name="Shards">The steps it was made in, in the order of the images.</param>
public sealed record SynthesisFacts(
    string ImageSetDigest, string PreviewDigest, int Images, double TeacherTop1, double Seconds, SynthesisMethod Method, IReadOnlyList<StepResult<SynthesisShard>> Shards);
