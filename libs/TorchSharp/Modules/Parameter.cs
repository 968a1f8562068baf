using TorchSharp.Interop;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>Makes a parameter of a tensor, which becomes invalid.</summary>
            public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }

        public partial class Tensor
        {
            // Parameters are the one kind of tensor made from another's reference.
            private protected Tensor(Tensor data, bool requires_grad)
            {
                data.requires_grad = requires_grad;
                var scope = data.OwningDisposeScope;
                handle = data.Surrender();
                Interlocked.Increment(ref total);
                scope?.Add(this);
            }
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>
    /// A tensor that is trained. It takes the reference of the tensor that it is made of, and its place in that tensor's scope: call
    /// <see cref="torch.Tensor.DetachFromDisposeScope"/> where it must outlive the scope.
    /// </summary>
    public sealed class Parameter : torch.Tensor
    {
        public Parameter(torch.Tensor data, bool requires_grad = true) : base(data, requires_grad)
        {
        }
    }
}
