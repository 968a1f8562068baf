using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>Layers that the shim computes itself. A result of 0 means that the arguments need libtorch's general operators.</summary>
internal static unsafe partial class Native
{
    [LibraryImport(Shim)]
    internal static partial int fs_attention(nint query, nint key, nint value, nint mask, double scale, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_linear(nint input, nint weight, nint bias, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_gelu(nint input, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_layer_norm(nint input, long* shape, int dimensions, nint weight, nint bias, double epsilon, out nint result);
}
