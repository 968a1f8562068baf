using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Native references that C# holds in the whole process; leak tests watch it.</summary>
        internal static long LiveReferences => Native.fs_live();

        /// <summary>How many references the native tensor has, this one included.</summary>
        internal long UseCount => Native.fs_use_count(Handle);
    }
}
