using System.Runtime.InteropServices;
using TorchSharp.Interop;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The elements in row-major order, whatever the strides.</summary>
        /// <exception cref="InvalidOperationException">The tensor is not in CPU memory.</exception>
        /// <exception cref="ArgumentException"><typeparamref name="T"/> is not the tensor's element type.</exception>
        public TensorAccessor<T> data<T>() where T : unmanaged
        {
            RequireCpu();
            RequireElement<T>();
            return new TensorAccessor<T>(this);
        }

        /// <summary>The tensor's memory, valid while the tensor lives.</summary>
        /// <exception cref="InvalidOperationException">The tensor is not in CPU memory, or not contiguous.</exception>
        public unsafe Span<byte> bytes
        {
            get
            {
                RequireCpu();
                if (!is_contiguous())
                    throw new InvalidOperationException("The bytes of a non-contiguous tensor cannot be spanned; call contiguous() first.");
                return new Span<byte>((void*)DataPointer(), checked((int)(NumberOfElements * ElementSize)));
            }

            set
            {
                var target = bytes;
                if (target.Length != value.Length)
                    throw new ArgumentException($"{value.Length} bytes were given for {target.Length}.");
                value.CopyTo(target);
            }
        }

        /// <summary>The only element of a tensor, from any device.</summary>
        /// <exception cref="ArgumentException">The tensor has another number of elements, or another type.</exception>
        public T item<T>() where T : unmanaged
        {
            if (NumberOfElements != 1)
                throw new ArgumentException($"item() needs a single element; the tensor is {Summary()}.");
            RequireElement<T>();
            return Marshaled<T>(ToScalar());
        }

        /// <summary>The only element, as a number.</summary>
        public Scalar ToScalar()
        {
            var value = Operators.item.CallValue(this);
            return value.Kind switch
            {
                Kind.Double => Scalar.FromReal(value.Real),
                Kind.Bool => Scalar.FromTruth(value.Integer != 0),
                _ => Scalar.FromInteger(value.Integer),
            };
        }

        public T ReadCpuValue<T>(long i) where T : unmanaged => data<T>()[i];

        public float ReadCpuSingle(long i) => data<float>()[i];

        public double ReadCpuDouble(long i) => data<double>()[i];

        public long ReadCpuInt64(long i) => data<long>()[i];

        public byte ReadCpuByte(long i) => data<byte>()[i];

        internal nint DataPointer()
        {
            Native.Check(Alive(Native.fs_data(Handle, out var pointer)));
            return pointer;
        }

        private static T Marshaled<T>(Scalar scalar) where T : unmanaged
        {
            object value = Type.GetTypeCode(typeof(T)) switch
            {
                TypeCode.Single => (float)scalar.Real,
                TypeCode.Double => scalar.Real,
                TypeCode.Int64 => scalar.Integer,
                TypeCode.Int32 => (int)scalar.Integer,
                TypeCode.Int16 => (short)scalar.Integer,
                TypeCode.Byte => (byte)scalar.Integer,
                TypeCode.SByte => (sbyte)scalar.Integer,
                TypeCode.Boolean => scalar.Real != 0,
                _ when typeof(T) == typeof(Half) => (Half)scalar.Real,
                _ => throw new ArgumentException($"A tensor holds no elements of type {typeof(T).Name}."),
            };
            return (T)value;
        }

        private void RequireCpu()
        {
            if (device_type != DeviceType.CPU)
                throw new InvalidOperationException($"Elements are read from CPU memory; the tensor is on {device}. Call cpu() first.");
        }

        private void RequireElement<T>() where T : unmanaged
        {
            var fits = dtype switch
            {
                ScalarType.Byte => typeof(T) == typeof(byte),
                ScalarType.Int8 => typeof(T) == typeof(sbyte),
                ScalarType.Int16 => typeof(T) == typeof(short),
                ScalarType.Int32 => typeof(T) == typeof(int),
                ScalarType.Int64 => typeof(T) == typeof(long),
                ScalarType.Float16 => typeof(T) == typeof(Half),
                ScalarType.Float32 => typeof(T) == typeof(float),
                ScalarType.Float64 => typeof(T) == typeof(double),
                ScalarType.Bool => typeof(T) == typeof(bool),
                _ => false,
            };
            if (!fits)
                throw new ArgumentException($"{typeof(T).Name} is not the element type of {dtype}.");
        }
    }
}
