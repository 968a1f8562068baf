using TorchSharp.Interop;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class utils
        {
            /// <summary>
            /// Scales all gradients so that their norm, taken as one vector, is at most <paramref name="max_norm"/>; parameters without a gradient are passed over.
            /// </summary>
            /// <returns>The norm before that.</returns>
            public static unsafe double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2.0)
            {
                var members = tensors.ToArray();
                var handles = Array.ConvertAll(members, parameter => parameter.Handle);
                double norm;
                fixed (nint* first = handles)
                    Native.Check(Native.fs_clip_grad_norm(first, handles.Length, max_norm, norm_type, out norm));
                GC.KeepAlive(members);
                return norm;
            }
        }
    }
}
