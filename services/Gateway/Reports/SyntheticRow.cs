using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>Synthesised images.</summary>
/// <param name="TeacherTop1">How often the original sees the intended class, a fraction.</param>
/// <param name="ImageSet">Digest.</param>
/// <param name="Preview">Digest of the images as one PNG grid.</param>
internal sealed record SyntheticRow(int Images, double TeacherTop1, double Seconds, string Method, string ImageSet, string Preview)
{
    public static SyntheticRow? Of(SynthesisFacts? made) => made is null
        ? null
        : new SyntheticRow(made.Images, made.TeacherTop1, made.Seconds, made.Method.ToString().ToLowerInvariant(), made.ImageSetDigest, made.PreviewDigest);
}
