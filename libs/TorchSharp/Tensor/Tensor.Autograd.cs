using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Whether operations on the tensor are recorded for gradients.</summary>
        public bool requires_grad
        {
            get => Alive(Native.fs_requires_grad(Handle)) != 0;
            set => Native.Check(Alive(Native.fs_set_requires_grad(Handle, value ? 1 : 0)));
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        public bool is_leaf => Alive(Native.fs_is_leaf(Handle)) != 0;

        /// <summary>Keeps the gradient of a tensor that is not a leaf.</summary>
        public void retain_grad() => Native.Check(Alive(Native.fs_retain_grad(Handle)));

        /// <summary>The accumulated gradient; null before the first backward pass. Every read gives a new reference to it.</summary>
        public Tensor? grad
        {
            get
            {
                Native.Check(Alive(Native.fs_grad(Handle, out var gradient)));
                return WrapOrNull(gradient);
            }

            set
            {
                Native.Check(Alive(Native.fs_set_grad(Handle, value?.Handle ?? 0)));
                GC.KeepAlive(value);
            }
        }

        /// <summary>Adds this tensor's gradients to the leaves that it was computed from.</summary>
        /// <param name="grad_tensors">The gradient of the result, needed unless this tensor has one element.</param>
        /// <param name="retain_graph">Keeps the graph for another pass.</param>
        /// <param name="create_graph">Records the pass itself, for higher derivatives.</param>
        /// <param name="inputs">The leaves to accumulate into; null means all.</param>
        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);
    }

    public static partial class autograd
    {
        /// <inheritdoc cref="Tensor.backward"/>
        public static unsafe void backward(
            IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false,
            IList<Tensor>? inputs = null)
        {
            fixed (nint* roots = Handles(tensors), gradients = Handles(grad_tensors), leaves = Handles(inputs))
                Native.Check(Native.fs_backward(roots, gradients, tensors.Count, retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, leaves, inputs?.Count ?? 0));
            GC.KeepAlive((tensors, grad_tensors, inputs));
        }

        /// <summary>The gradients of the sum of <paramref name="outputs"/> with respect to each of <paramref name="inputs"/>.</summary>
        /// <returns>One tensor an input; null where it is unused and <paramref name="allow_unused"/> is set.</returns>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false,
            bool create_graph = false, bool allow_unused = false)
        {
            var results = stackalloc nint[inputs.Count];
            fixed (nint* roots = Handles(outputs), leaves = Handles(inputs), gradients = Handles(grad_outputs))
                Native.Check(Native.fs_gradients(roots, outputs.Count, leaves, inputs.Count, gradients, retain_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, results));
            GC.KeepAlive((outputs, inputs, grad_outputs));
            var tensors = new Tensor[inputs.Count];
            for (var k = 0; k < tensors.Length; k++)
                tensors[k] = Tensor.WrapOrNull(results[k])!;
            return tensors;
        }

        private static nint[]? Handles(IList<Tensor>? tensors) => tensors?.Select(tensor => tensor.Handle).ToArray();
    }
}
