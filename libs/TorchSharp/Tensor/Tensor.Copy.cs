using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Clone = new("aten::clone");
    internal static readonly Operator Detach = new("aten::detach");
    internal static readonly Operator DetachInPlace = new("aten::detach_");
    internal static readonly Operator Copy = new("aten::copy_");
    internal static readonly Operator SetFrom = new("aten::set_", "source_Tensor");
    internal static readonly Operator ToType = new("aten::to", "dtype");
    internal static readonly Operator ToDevice = new("aten::to", "device");
    internal static readonly Operator ToLayout = new("aten::to", "dtype_layout");
    internal static readonly Operator Zero = new("aten::zero_");
    internal static readonly Operator Fill = new("aten::fill_", "Scalar");
    internal static readonly Operator PinMemory = new("aten::pin_memory");
}

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor clone() => Aten.Clone.Call(this);

        /// <summary>The same memory without its gradient history.</summary>
        public Tensor detach() => Aten.Detach.Call(this);

        public Tensor detach_() => InPlace(Aten.DetachInPlace);

        /// <summary>A second reference to the same native tensor: both see the same gradient.</summary>
        public Tensor alias()
        {
            Native.Check(Alive(Native.fs_alias(Handle, out var reference)));
            return Wrap(reference);
        }

        /// <summary>Overwrites the elements, converting type and device where needed.</summary>
        public Tensor copy_(Tensor source, bool non_blocking = false) => InPlace(Aten.Copy, source, non_blocking);

        /// <summary>Makes this tensor share the memory and shape of <paramref name="source"/>.</summary>
        public Tensor set_(Tensor source) => InPlace(Aten.SetFrom, source);

        public Tensor zero_() => InPlace(Aten.Zero);

        public Tensor fill_(Scalar value) => InPlace(Aten.Fill, value);

        public Tensor cpu() => to(CPU);

        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.ToType.Call(this, type, non_blocking, copy), disposeAfter);

        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to_type(type, copy, disposeAfter, non_blocking);

        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.ToDevice.Call(this, device, dtype, non_blocking, copy), disposeAfter);

        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Converted(Aten.ToDevice.Call(this, device, type, non_blocking, copy), disposeAfter);

        public Tensor to(Tensor other, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(other.dtype, other.device, copy, disposeAfter, non_blocking);

        public Tensor type_as(Tensor tensor) => to_type(tensor.dtype);

        public Tensor @float() => to_type(ScalarType.Float32);

        public Tensor @double() => to_type(ScalarType.Float64);

        public Tensor half() => to_type(ScalarType.Float16);

        public Tensor bfloat16() => to_type(ScalarType.BFloat16);

        public Tensor @long() => to_type(ScalarType.Int64);

        public Tensor @int() => to_type(ScalarType.Int32);

        public Tensor @byte() => to_type(ScalarType.Byte);

        public Tensor @bool() => to_type(ScalarType.Bool);

        /// <summary>A copy in page-locked memory, from which transfers to a GPU are faster.</summary>
        public Tensor pin_memory() => Aten.PinMemory.Call(this);

        private Tensor Converted(Tensor result, bool disposeAfter)
        {
            if (disposeAfter)
                Dispose();
            return result;
        }
    }
}
