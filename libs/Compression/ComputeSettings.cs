using Fewshot.Compute;
using static TorchSharp.torch;

namespace Fewshot.Compression;

/// <summary>Where and how a stage computes.</summary>
/// <param name="Device">The device that holds weights and activations.</param>
/// <param name="MixedPrecision">Activations and frozen weights in bfloat16, trained weights and losses in float32. CUDA only.</param>
/// <param name="Tf32">TF32 matrix products and convolutions. CUDA only; off by default, so that CPU and GPU agree closely.</param>
/// <param name="Threads">CPU threads; 0 leaves the engine's choice, all cores.</param>
public sealed record ComputeSettings(Device Device, bool MixedPrecision = false, bool Tf32 = false, int Threads = 0)
{
    // What the engine starts with: the cores, or what OMP_NUM_THREADS says. A request that asks for no number gets it back after one that did.
    private static readonly Lazy<int> EngineThreads = new(get_num_threads);

    public static ComputeSettings Cpu { get; } = new(CPU);

    /// <summary>The element type of activations.</summary>
    public ScalarType ActivationType => MixedPrecision ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>
    /// Puts the process-wide switches into force and checks that the device is there. A step begins with it, so the memory that the step
    /// before has freed goes back to the system here.
    /// </summary>
    /// <exception cref="CompressionException">CUDA was asked for and is not available, or an option needs CUDA.</exception>
    public void Apply()
    {
        var onCuda = Device.type == TorchSharp.DeviceType.CUDA;
        if (onCuda && !cuda.is_available())
            throw new CompressionException("device: cuda was asked for, but the tensor library found here has no usable CUDA device; use cpu");
        if (!onCuda && (MixedPrecision || Tf32))
            throw new CompressionException("mixed_precision and tf32 need device cuda");
        if (onCuda)
        {
            backends.cuda.matmul.allow_tf32 = Tf32;
            backends.cudnn.allow_tf32 = Tf32;
        }

        Libtorch.ReturnFreedMemory();
        var threads = Threads > 0 ? Threads : EngineThreads.Value;
        if (EngineThreads.Value > 0 && get_num_threads() != threads)
            set_num_threads(threads);
    }
}
