using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// The adaptive term (DeepInversion, arXiv 1912.08795, section 3.3): 1 - JSD(teacher, student), the divergence of the class probabilities at temperature 3,
/// in nats. It rewards images that the student sees otherwise than the teacher.
/// </summary>
internal static class StudentDisagreement
{
    private const double Temperature = 3, Smallest = 1e-30;

    /// <summary>The term summed over the images, a scalar; logits <c>[N, classes]</c>.</summary>
    public static Tensor Of(Tensor teacher, Tensor student)
    {
        using var scope = NewDisposeScope();
        var (p, q) = ((teacher / Temperature).log_softmax(1), (student / Temperature).log_softmax(1));
        var (left, right) = (p.exp(), q.exp());
        var middle = ((left + right) / 2).clamp_min(Smallest).log();
        var divergence = ((left * (p - middle)) + (right * (q - middle))).sum() / 2;
        return (teacher.shape[0] - divergence).MoveToOuterDisposeScope();
    }
}
