using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>Owns one native random number generator.</summary>
internal sealed class GeneratorHandle : SafeHandle
{
    internal GeneratorHandle(nint generator) : base(0, ownsHandle: true) => SetHandle(generator);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Native.fs_generator_release(handle);
        return true;
    }
}
