using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A source of random numbers on one device, independent of the device's default one.</summary>
    public class Generator : IDisposable
    {
        private static Generator? shared;
        private readonly GeneratorHandle handle;

        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            Native.Check(Native.fs_generator(seed, (int)this.device.type, this.device.index, out var pointer));
            handle = new GeneratorHandle(pointer);
        }

        private Generator(nint pointer)
        {
            device = CPU;
            handle = new GeneratorHandle(pointer);
        }

        /// <summary>The CPU's default generator.</summary>
        public static Generator Default => shared ??= OpenDefault();

        public Device device { get; }

        internal nint Pointer
        {
            get
            {
                ObjectDisposedException.ThrowIf(handle.IsClosed, this);
                return handle.DangerousGetHandle();
            }
        }

        public Generator manual_seed(long seed)
        {
            Native.Check(Native.fs_generator_seed(Pointer, unchecked((ulong)seed)));
            return this;
        }

        /// <summary>Seeds from the machine's entropy and says with what.</summary>
        public long seed()
        {
            Native.Check(Native.fs_generator_random_seed(Pointer, out var chosen));
            return unchecked((long)chosen);
        }

        public long initial_seed()
        {
            Native.Check(Native.fs_generator_initial_seed(Pointer, out var first));
            return unchecked((long)first);
        }

        /// <summary>A copy of the generator's state, a byte tensor on the CPU.</summary>
        public Tensor get_state()
        {
            Native.Check(Native.fs_generator_state(Pointer, out var state));
            return Tensor.Wrap(state);
        }

        public void set_state(Tensor value)
        {
            Native.Check(Native.fs_generator_set_state(Pointer, value.Handle));
            GC.KeepAlive(value);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (disposing && !ReferenceEquals(this, shared))
                handle.Dispose();
        }

        private static Generator OpenDefault()
        {
            Native.Check(Native.fs_default_generator((int)DeviceType.CPU, -1, out var pointer));
            return new Generator(pointer);
        }
    }
}
