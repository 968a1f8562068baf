using System.Runtime.CompilerServices;
using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// An n-dimensional array of libtorch. It belongs to the scope that was open when it was made, and is freed with it; outside scopes its owner disposes it.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long total;
        private TensorHandle handle;

        private protected Tensor(TensorHandle handle)
        {
            this.handle = handle;
            Interlocked.Increment(ref total);
            DisposeScopeManager.ThreadSingleton.Register(this);
        }

        internal DisposeScope? OwningDisposeScope { get; set; }

        internal int PlaceInScope { get; set; }

        /// <summary>The tensor's native reference.</summary>
        /// <exception cref="InvalidOperationException">The tensor has been disposed, or its reference given to a parameter.</exception>
        public nint Handle
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                var pointer = handle.Pointer;
                if (pointer == 0)
                    ThrowDisposed();
                return pointer;
            }
        }

        /// <summary>Whether the tensor has been disposed.</summary>
        public bool IsInvalid => handle.Pointer == 0;

        /// <summary>How many tensors managed code holds in the whole process.</summary>
        public static long TotalCount => Interlocked.Read(ref total);

        /// <summary>A name for diagnosis.</summary>
        public string? name { get; set; }

        internal static Tensor Wrap(nint reference) =>
            reference == 0 ? throw new InvalidOperationException("libtorch gave an undefined tensor") : new Tensor(new TensorHandle(reference));

        internal static Tensor? WrapOrNull(nint reference) => reference == 0 ? null : new Tensor(new TensorHandle(reference));

        /// <summary>Frees the reference now. The memory goes when no other tensor, view or gradient graph uses it.</summary>
        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (!disposing || handle.Pointer == 0)
                return;
            OwningDisposeScope?.MarkAsDisposed(this);
            Interlocked.Decrement(ref total);
            handle.Dispose();
        }

        /// <summary>Gives the tensor to the scope around its own, so that it outlives its scope.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        /// <summary>Takes the tensor out of every scope: its owner disposes it.</summary>
        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        /// <summary>Gives the reference away; this object becomes invalid.</summary>
        internal TensorHandle Surrender()
        {
            var taken = new TensorHandle(Handle);
            OwningDisposeScope?.Detach(this);
            handle.Take();
            Interlocked.Decrement(ref total);
            return taken;
        }

        /// <summary>Element type and shape, as error messages name it.</summary>
        internal string Summary() =>
            IsInvalid ? "disposed" : $"{dtype} [{string.Join(", ", shape)}]{(device_type == DeviceType.CPU ? "" : $" on {device}")}";

        [System.Diagnostics.CodeAnalysis.DoesNotReturn]
        private static void ThrowDisposed() => throw new InvalidOperationException("The tensor has been disposed.");

        /// <summary>Whether both hold equal shapes and elements.</summary>
        public override bool Equals(object? obj) =>
            obj is Tensor other && (ReferenceEquals(this, other) || (dtype == other.dtype && device == other.device && equal(other)));

        /// <inheritdoc/>
        public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
    }
}
