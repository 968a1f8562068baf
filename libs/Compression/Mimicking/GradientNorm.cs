using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>Clipping of all gradients together (Pascanu et al. 2013), without waiting for the device.</summary>
internal static class GradientNorm
{
    public static void Clip(IEnumerable<Parameter> parameters, double largest)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Tensor[] gradients = [.. parameters.Select(parameter => parameter.grad).OfType<Tensor>()];
        var norm = stack(gradients.Select(gradient => gradient.norm())).norm();
        var factor = (largest / (norm + 1e-6)).clamp_max(1);
        foreach (var gradient in gradients)
            gradient.mul_(factor);
    }
}
