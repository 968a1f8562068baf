using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>The shim's C interface. Functions that return int give 0 for success; <see cref="Check"/> throws otherwise.</summary>
internal static unsafe partial class Native
{
    private const string Shim = "fewshot_torch";

    static Native() => ShimLoader.Register();

    [LibraryImport(Shim)]
    internal static partial byte* fs_error();

    [LibraryImport(Shim)]
    internal static partial int fs_operator(byte* name, byte* overload, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_call(nint op, Value* arguments, int count, Value* results, int capacity);

    [LibraryImport(Shim)]
    internal static partial void fs_free(nint block);

    [LibraryImport(Shim)]
    internal static partial void fs_release(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial long fs_live();

    [LibraryImport(Shim)]
    internal static partial int fs_alias(nint handle, out nint result);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial long fs_dim(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial long fs_numel(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial int fs_dtype(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial long fs_element_size(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial int fs_device_type(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial int fs_device_index(nint handle);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial long fs_use_count(nint handle);

    [LibraryImport(Shim)]
    internal static partial int fs_is_contiguous(nint handle, int format);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial void fs_sizes(nint handle, long* sizes);

    [LibraryImport(Shim)]
    internal static partial int fs_strides(nint handle, long* strides);

    [LibraryImport(Shim)]
    internal static partial int fs_storage_offset(nint handle, out long offset);

    [LibraryImport(Shim)]
    internal static partial int fs_data(nint handle, out nint data);

    [LibraryImport(Shim)]
    internal static partial int fs_from_blob(nint data, long* sizes, int dim, int dtype, delegate* unmanaged[Cdecl]<nint, void> release, nint context, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_requires_grad(nint handle);

    [LibraryImport(Shim)]
    internal static partial int fs_set_requires_grad(nint handle, int value);

    [LibraryImport(Shim)]
    internal static partial int fs_is_leaf(nint handle);

    [LibraryImport(Shim)]
    internal static partial int fs_retain_grad(nint handle);

    [LibraryImport(Shim)]
    internal static partial int fs_grad(nint handle, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_set_grad(nint handle, nint grad);

    [LibraryImport(Shim)]
    internal static partial int fs_variable_data(nint handle, out nint result);

    [LibraryImport(Shim)]
    internal static partial int fs_backward(nint* roots, nint* gradients, int count, int retain, int create, nint* inputs, int inputCount);

    [LibraryImport(Shim)]
    internal static partial int fs_gradients(nint* outputs, int outputCount, nint* inputs, int inputCount, nint* gradients, int retain, int create, int allowUnused, nint* results);

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial int fs_grad_mode();

    [LibraryImport(Shim)]
    [SuppressGCTransition]
    internal static partial void fs_set_grad_mode(int enabled);

    [LibraryImport(Shim)]
    internal static partial int fs_enter_inference_mode(int enabled, out nint guard);

    [LibraryImport(Shim)]
    internal static partial void fs_leave_inference_mode(nint guard);

    [LibraryImport(Shim)]
    internal static partial int fs_is_inference_mode();

    /// <summary>Throws the thread's last native error when <paramref name="status"/> is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(int status)
    {
        if (status != 0)
            throw new ExternalException(LastError());
    }

    /// <summary>libtorch's message without the C++ stack: its first line.</summary>
    internal static string LastError()
    {
        var message = Marshal.PtrToStringUTF8((nint)fs_error()) ?? "";
        var end = message.IndexOf('\n');
        return end < 0 ? message : message[..end];
    }
}
