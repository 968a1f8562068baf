using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>One counted reference to a native tensor; the last line of defence when a tensor is in no scope and never disposed.</summary>
internal sealed class TensorHandle : SafeHandle
{
    internal TensorHandle(nint tensor) : base(0, ownsHandle: true) => SetHandle(tensor);

    public override bool IsInvalid => handle == 0;

    internal nint Pointer => handle;

    /// <summary>Gives the reference to the caller; this handle becomes empty.</summary>
    internal nint Take()
    {
        var tensor = handle;
        SetHandleAsInvalid();
        handle = 0;
        return tensor;
    }

    protected override bool ReleaseHandle()
    {
        Native.fs_release(handle);
        handle = 0;
        return true;
    }
}
