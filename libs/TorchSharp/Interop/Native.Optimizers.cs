using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

internal static unsafe partial class Native
{
    [LibraryImport(Shim)]
    internal static partial int fs_clear_gradients(nint* parameters, int count);

    [LibraryImport(Shim)]
    internal static partial int fs_sgd(nint* parameters, nint* buffers, int count, in SgdSettings settings);

    [LibraryImport(Shim)]
    internal static partial int fs_adam(nint* parameters, nint* means, nint* squares, long* steps, int count, in AdamSettings settings);

    [LibraryImport(Shim)]
    internal static partial int fs_clip_grad_norm(nint* parameters, int count, double maxNorm, double normType, out double norm);

    [StructLayout(LayoutKind.Sequential)]
    internal struct SgdSettings
    {
        internal double Rate, Momentum, Dampening, WeightDecay;
        internal int Nesterov, Maximize;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct AdamSettings
    {
        internal double Rate, Beta1, Beta2, Eps, WeightDecay;
        internal int Decoupled, Maximize;
    }
}
