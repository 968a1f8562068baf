using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public static Tensor tensor(float scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Float32, device, requires_grad);
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Float64, device, requires_grad);
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Int64, device, requires_grad);
    public static Tensor tensor(int scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Int32, device, requires_grad);
    public static Tensor tensor(byte scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Byte, device, requires_grad);
    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        One(scalar, dtype ?? ScalarType.Bool, device, requires_grad);

    /// <summary>A copy of a list, in one dimension; reshape it with view. (The official package has overloads with a shape, but arrays make them ambiguous.)</summary>
    public static Tensor tensor(
        IList<float> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(
        IList<double> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(
        IList<long> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(
        IList<int> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(
        IList<byte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(
        IList<bool> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Copied(rawArray, dtype, device, requires_grad);


    /// <summary>A copy of a .NET array of any rank.</summary>
    public static Tensor from_array(Array rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        var shape = new long[rawArray.Rank];
        for (var k = 0; k < shape.Length; k++)
            shape[k] = rawArray.GetLength(k);
        var elements = ElementType(rawArray.GetType().GetElementType()!);
        var result = empty(shape, elements);
        CopyBytes(rawArray, result);
        return Finish(result, dtype, device, requires_grad);
    }

    /// <summary>A tensor over the memory of an array, which stays pinned until the native tensor is freed: writes show on both sides.</summary>
    public static unsafe Tensor frombuffer(
        Array rawArray, ScalarType dtype, long count = -1, long offset = 0, bool requires_grad = false, Device? device = null)
    {
        var elements = ElementType(rawArray.GetType().GetElementType()!);
        if (elements != dtype)
            throw new ArgumentException($"An array of {rawArray.GetType().GetElementType()!.Name} cannot be seen as {dtype}.", nameof(dtype));
        var available = rawArray.LongLength - offset;
        if (offset < 0 || available < 0 || count > available)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The array has {rawArray.LongLength} elements; {offset} are skipped.");
        var size = count < 0 ? available : count;

        var pin = GCHandle.Alloc(rawArray, GCHandleType.Pinned);
        var bytes = rawArray.LongLength == 0 ? 1 : Buffer.ByteLength(rawArray) / rawArray.LongLength;
        if (Native.fs_from_blob((nint)(pin.AddrOfPinnedObject() + offset * bytes), &size, 1, (int)dtype, &Unpin, GCHandle.ToIntPtr(pin), out var reference) != 0)
        {
            pin.Free();
            throw new ExternalException($"frombuffer: {Native.LastError()}");
        }
        var result = Tensor.Wrap(reference);
        return device is null || device.type == DeviceType.CPU ? result.with_requires_grad(requires_grad) : result.to(device).with_requires_grad(requires_grad);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Unpin(nint pin) => GCHandle.FromIntPtr(pin).Free();

    private static Tensor One<T>(T value, ScalarType dtype, Device? device, bool requires_grad) where T : unmanaged
    {
        var result = empty([], ElementType(typeof(T)));
        MemoryMarshal.Write(result.bytes, value);
        return Finish(result, dtype, device, requires_grad);
    }

    private static Tensor Copied<T>(IList<T> source, ScalarType? dtype, Device? device, bool requires_grad) where T : unmanaged
    {
        var result = empty([source.Count], ElementType(typeof(T)));
        CopyBytes(source as Array ?? source.ToArray(), result);
        return Finish(result, dtype, device, requires_grad);
    }

    private static unsafe void CopyBytes(Array source, Tensor target)
    {
        var bytes = target.NumberOfElements * target.ElementSize;
        if (bytes == 0)
            return;
        ref var first = ref MemoryMarshal.GetArrayDataReference(source);
        fixed (byte* from = &first)
            Buffer.MemoryCopy(from, (void*)target.DataPointer(), bytes, bytes);
    }

    private static Tensor Finish(Tensor result, ScalarType? dtype, Device? device, bool requires_grad)
    {
        var wanted = dtype ?? result.dtype;
        if (wanted != result.dtype || (device is not null && device != result.device))
            result = result.to(wanted, device ?? CPU, disposeAfter: true);
        return requires_grad ? result.with_requires_grad() : result;
    }

    private static ScalarType ElementType(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Single => ScalarType.Float32,
        TypeCode.Double => ScalarType.Float64,
        TypeCode.Int64 => ScalarType.Int64,
        TypeCode.Int32 => ScalarType.Int32,
        TypeCode.Int16 => ScalarType.Int16,
        TypeCode.SByte => ScalarType.Int8,
        TypeCode.Byte => ScalarType.Byte,
        TypeCode.Boolean => ScalarType.Bool,
        _ when type == typeof(Half) => ScalarType.Float16,
        _ => throw new ArgumentException($"A tensor holds no elements of type {type.Name}."),
    };
}
