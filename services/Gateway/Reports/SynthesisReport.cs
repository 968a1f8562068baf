using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>The report of a job that only synthesises images, as JSON.</summary>
/// <param name="Arch">Catalog name of the network.</param>
/// <param name="Method"><c>deepdream</c> or <c>deepinversion</c>.</param>
/// <param name="TeacherTop1">How often the network sees the intended class in the stored images, a fraction.</param>
/// <param name="Seconds">Of work, also where it was done by an earlier run.</param>
/// <param name="Network">Digest.</param>
/// <param name="ImageSet">Digest.</param>
/// <param name="Preview">Digest.</param>
internal sealed record SynthesisReport(
    string Arch, string Method, int Images, int Iterations, int BatchSize, ulong Seed, double TeacherTop1, double Seconds, string Network, string ImageSet, string Preview)
{
    public static byte[] Of(NetworkFacts network, string digest, SynthesisPlan plan, ulong seed, SynthesisFacts made) => ReportDocument.ToBytes(ReportDocument.Of(new SynthesisReport(
        network.Variant, Words.Of(made.Method), made.Images, plan.Iterations, plan.BatchSize, seed, made.TeacherTop1, made.Seconds,
        digest, made.ImageSetDigest, made.PreviewDigest)));
}
