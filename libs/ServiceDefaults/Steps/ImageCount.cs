using Fewshot.Artifacts;

namespace Fewshot.ServiceDefaults;

/// <summary>Counts the images that a work goes through, by its progress, and passes the progress on.</summary>
/// <param name="inner">Where the progress goes.</param>
/// <param name="imagesPerUnit">Images in a unit of the progress: a batch's, or 1 where images are the unit.</param>
/// <param name="resumes">The work may begin in the middle; what a predecessor did is not counted again.</param>
public sealed class ImageCount(IProgress<StepProgress> inner, int imagesPerUnit, bool resumes) : IProgress<StepProgress>
{
    private long? done;

    /// <inheritdoc/>
    public void Report(StepProgress value)
    {
        var before = done ?? (resumes ? Math.Max(0, value.Completed - 1) : 0);
        if (value.Completed > before)
            Telemetry.Images.Add((value.Completed - before) * imagesPerUnit, new KeyValuePair<string, object?>("stage", value.Stage));
        done = value.Completed;
        inner.Report(value);
    }
}
