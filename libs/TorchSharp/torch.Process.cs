using System.Runtime.InteropServices;
using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The version of the libtorch in use, such as "1.13.1".</summary>
    public static unsafe string __version__ => Marshal.PtrToStringUTF8((nint)Native.fs_version())!;

    /// <summary>How many threads one operator may use.</summary>
    public static int get_num_threads() => Native.fs_get_num_threads();

    public static void set_num_threads(int num) => Native.Check(Native.fs_set_num_threads(num));

    public static int get_num_interop_threads() => Native.fs_get_num_interop_threads();

    public static void set_num_interop_threads(int num) => Native.Check(Native.fs_set_num_interop_threads(num));

    public static partial class cuda
    {
        /// <summary>Whether this libtorch has CUDA and finds a device.</summary>
        public static bool is_available()
        {
            Native.Check(Native.fs_cuda_is_available(out var available));
            return available != 0;
        }

        public static int device_count()
        {
            Native.Check(Native.fs_cuda_device_count(out var count));
            return count;
        }

        public static bool is_cudnn_available()
        {
            Native.Check(Native.fs_cudnn_is_available(out var available));
            return available != 0;
        }

        /// <summary>Waits until everything queued on a device is done; -1 means the current device.</summary>
        public static void synchronize(long device_index = -1L) => Native.Check(Native.fs_cuda_synchronize(device_index));

        public static void manual_seed(long seed) => random.manual_seed(seed);

        public static void manual_seed_all(long seed) => random.manual_seed(seed);
    }

    public static partial class backends
    {
        public static partial class cuda
        {
            public static partial class matmul
            {
                /// <summary>Whether float32 matrix products may round their inputs to TF32 on GPUs that have it.</summary>
                public static bool allow_tf32
                {
                    get => Switch(Native.fs_allow_tf32_matmul);
                    set => Switch(Native.fs_allow_tf32_matmul, value);
                }
            }
        }

        public static partial class cudnn
        {
            /// <summary>Whether float32 convolutions may round their inputs to TF32 on GPUs that have it.</summary>
            public static bool allow_tf32
            {
                get => Switch(Native.fs_allow_tf32_cudnn);
                set => Switch(Native.fs_allow_tf32_cudnn, value);
            }
        }

        private delegate int NativeSwitch(ref int value, int write);

        private static bool Switch(NativeSwitch native, bool? value = null)
        {
            var state = value == true ? 1 : 0;
            Native.Check(native(ref state, value is null ? 0 : 1));
            return state != 0;
        }
    }
}
