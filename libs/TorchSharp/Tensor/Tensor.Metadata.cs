using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The number of dimensions.</summary>
        public long Dimensions => Alive(Native.fs_dim(Handle));

        public long dim() => Dimensions;

        public long ndim => Dimensions;

        /// <summary>The number of elements.</summary>
        public long NumberOfElements => Alive(Native.fs_numel(Handle));

        public long numel() => NumberOfElements;

        /// <summary>Bytes an element.</summary>
        public long ElementSize => Alive(Native.fs_element_size(Handle));

        public long element_size() => ElementSize;

        public ScalarType dtype => (ScalarType)Alive(Native.fs_dtype(Handle));

        public Device device => new(device_type, device_index);

        public DeviceType device_type => (DeviceType)Alive(Native.fs_device_type(Handle));

        public int device_index => Alive(Native.fs_device_index(Handle));

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_integral() => torch.is_integral(dtype);

        public bool is_floating_point() => torch.is_floating_point(dtype);

        /// <summary>The size of every dimension.</summary>
        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[Dimensions];
                fixed (long* first = sizes)
                    Native.fs_sizes(Handle, first);
                GC.KeepAlive(this);
                return sizes;
            }
        }

        public long[] size() => shape;

        /// <summary>The size of one dimension; negative numbers count from the end.</summary>
        public unsafe long size(int dim)
        {
            var count = (int)Dimensions;
            var place = dim < 0 ? dim + count : dim;
            if ((uint)place >= (uint)count)
                throw new ArgumentOutOfRangeException(nameof(dim), dim, $"The tensor has {count} dimensions.");
            var sizes = stackalloc long[count];
            Native.fs_sizes(Handle, sizes);
            GC.KeepAlive(this);
            return sizes[place];
        }

        /// <summary>Elements between neighbours along every dimension.</summary>
        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* first = strides)
                Native.Check(Alive(Native.fs_strides(Handle, first)));
            return strides;
        }

        public long stride(int dim)
        {
            var all = stride();
            return all[dim < 0 ? dim + all.Length : dim];
        }

        public long storage_offset()
        {
            Native.Check(Alive(Native.fs_storage_offset(Handle, out var offset)));
            return offset;
        }

        /// <summary>Whether the elements lie in row-major order without gaps.</summary>
        public bool is_contiguous() => Alive(Native.fs_is_contiguous(Handle, 0)) != 0;

        // The answer came while this object, and with it the native tensor, was still referenced.
        private T Alive<T>(T answer)
        {
            GC.KeepAlive(this);
            return answer;
        }

        /// <summary>Type, shape and device; elements are read with <see cref="data{T}"/>.</summary>
        public override string ToString() =>
            IsInvalid ? "disposed tensor" : $"[{string.Join("x", shape)}], type = {dtype}, device = {device}";
    }
}
