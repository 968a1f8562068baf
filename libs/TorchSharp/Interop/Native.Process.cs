using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

internal static unsafe partial class Native
{
    [LibraryImport(Shim)]
    internal static partial byte* fs_version();

    [LibraryImport(Shim)]
    internal static partial int fs_set_num_threads(int count);

    [LibraryImport(Shim)]
    internal static partial int fs_get_num_threads();

    [LibraryImport(Shim)]
    internal static partial int fs_set_num_interop_threads(int count);

    [LibraryImport(Shim)]
    internal static partial int fs_get_num_interop_threads();

    [LibraryImport(Shim)]
    internal static partial int fs_cuda_is_available(out int result);

    [LibraryImport(Shim)]
    internal static partial int fs_cuda_device_count(out int result);

    [LibraryImport(Shim)]
    internal static partial int fs_cudnn_is_available(out int result);

    [LibraryImport(Shim)]
    internal static partial int fs_cuda_synchronize(long index);

    [LibraryImport(Shim)]
    internal static partial int fs_allow_tf32_matmul(ref int value, int write);

    [LibraryImport(Shim)]
    internal static partial int fs_allow_tf32_cudnn(ref int value, int write);

    [LibraryImport(Shim)]
    internal static partial int fs_cudnn_benchmark(ref int value, int write);

    [LibraryImport(Shim)]
    internal static partial int fs_deterministic(ref int value, int write, int warnOnly);

    [LibraryImport(Shim)]
    internal static partial void fs_drop_kept_blocks();

    [LibraryImport(Shim)]
    internal static partial long fs_kept_bytes();

    [LibraryImport(Shim)]
    internal static partial int fs_manual_seed(ulong seed);

    [LibraryImport(Shim)]
    internal static partial int fs_generator(ulong seed, int type, int index, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_default_generator(int type, int index, out nint result);

    [LibraryImport(Shim)]
    internal static partial void fs_generator_release(nint generator);

    [LibraryImport(Shim)]
    internal static partial int fs_generator_seed(nint generator, ulong seed);

    [LibraryImport(Shim)]
    internal static partial int fs_generator_initial_seed(nint generator, out ulong seed);

    [LibraryImport(Shim)]
    internal static partial int fs_generator_random_seed(nint generator, out ulong seed);

    [LibraryImport(Shim)]
    internal static partial int fs_generator_state(nint generator, out nint state);

    [LibraryImport(Shim)]
    internal static partial int fs_generator_set_state(nint generator, nint state);
}
