using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp.Interop;

/// <summary>
/// An operator of libtorch, found by name and overload at its first call. Missing trailing arguments take the schema's defaults. Calls allocate
/// nothing on the managed heap but their results.
/// </summary>
/// <remarks>A failed call throws <see cref="ExternalException"/> with the operator, the arguments' shapes and libtorch's message.</remarks>
internal sealed unsafe class Operator(string name, string overload = "")
{
    private const int StackWords = 256;
    private nint pointer;

    /// <summary>Calls an operator whose first result is a tensor.</summary>
    internal torch.Tensor Call(params ReadOnlySpan<Argument> arguments)
    {
        Value result;
        Invoke(arguments, &result, 1);
        return torch.Tensor.Wrap(result.Pointer);
    }

    /// <summary>Calls an operator for what it does to its arguments.</summary>
    internal void Run(params ReadOnlySpan<Argument> arguments) => Invoke(arguments, null, 0);

    internal (torch.Tensor, torch.Tensor) CallPair(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc Value[2];
        Invoke(arguments, results, 2);
        return (torch.Tensor.Wrap(results[0].Pointer), torch.Tensor.Wrap(results[1].Pointer));
    }

    internal (torch.Tensor, torch.Tensor, torch.Tensor) CallTriple(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc Value[3];
        Invoke(arguments, results, 3);
        return (torch.Tensor.Wrap(results[0].Pointer), torch.Tensor.Wrap(results[1].Pointer), torch.Tensor.Wrap(results[2].Pointer));
    }

    /// <summary>Calls an operator whose result is a list of tensors.</summary>
    internal torch.Tensor[] CallList(params ReadOnlySpan<Argument> arguments)
    {
        Value result;
        Invoke(arguments, &result, 1);
        var tensors = new torch.Tensor[result.Integer];
        for (var k = 0; k < tensors.Length; k++)
            tensors[k] = torch.Tensor.Wrap(((nint*)result.Pointer)[k]);
        Native.fs_free(result.Pointer);
        return tensors;
    }

    /// <summary>Calls an operator whose result is a number or a truth value.</summary>
    internal Value CallValue(params ReadOnlySpan<Argument> arguments)
    {
        Value result;
        Invoke(arguments, &result, 1);
        return result;
    }

    [SkipLocalsInit]
    private void Invoke(ReadOnlySpan<Argument> arguments, Value* results, int capacity)
    {
        if (pointer == 0)
            Find();
        var values = stackalloc Value[arguments.Length];
        var words = 0;
        for (var k = 0; k < arguments.Length; k++)
            words += arguments[k].ScratchWords;

        if (words <= StackWords)
        {
            var scratch = stackalloc long[words];
            Encode(arguments, values, scratch);
            CallNative(arguments, values, results, capacity);
            return;
        }

        var block = (long*)NativeMemory.Alloc((nuint)words, sizeof(long));
        try
        {
            Encode(arguments, values, block);
            CallNative(arguments, values, results, capacity);
        }
        finally
        {
            NativeMemory.Free(block);
        }
    }

    private void CallNative(ReadOnlySpan<Argument> arguments, Value* values, Value* results, int capacity)
    {
        if (Native.fs_call(pointer, values, arguments.Length, results, capacity) != 0)
            throw new ExternalException(Describe(arguments, Native.LastError()));
    }

    private static void Encode(ReadOnlySpan<Argument> arguments, Value* values, long* scratch)
    {
        for (var k = 0; k < arguments.Length; k++)
        {
            ref readonly var argument = ref arguments[k];
            ref var value = ref values[k];
            value.Kind = argument.Kind;
            value.Aux = argument.Aux;
            value.Integer = argument.Bits;
            switch (argument.Kind)
            {
                case Kind.Tensor:
                    value.Pointer = Unsafe.As<torch.Tensor>(argument.Reference)!.Handle;
                    break;
                case Kind.Double:
                    value.Real = BitConverter.Int64BitsToDouble(argument.Bits);
                    break;
                case Kind.Generator:
                    value.Pointer = Unsafe.As<torch.Generator>(argument.Reference)!.Pointer;
                    break;
                case Kind.String or Kind.IntList or Kind.DoubleList or Kind.BoolList or Kind.TensorList or Kind.OptionalTensorList:
                    value.Pointer = (nint)scratch;
                    value.Integer = Copy(argument, scratch);
                    scratch += argument.ScratchWords;
                    break;
            }
        }
    }

    private static int Copy(in Argument argument, long* scratch)
    {
        switch (argument.Reference)
        {
            case long[] integers:
                integers.CopyTo(new Span<long>(scratch, integers.Length));
                return integers.Length;
            case double[] reals:
                reals.CopyTo(new Span<double>(scratch, reals.Length));
                return reals.Length;
            case bool[] flags:
                flags.CopyTo(new Span<bool>(scratch, flags.Length));
                return flags.Length;
            case string text:
                var bytes = Encoding.UTF8.GetBytes(text, new Span<byte>(scratch, text.Length * 3));
                ((byte*)scratch)[bytes] = 0;
                return bytes;
            case torch.Tensor?[] tensors:
                for (var k = 0; k < tensors.Length; k++)
                    scratch[k] = tensors[k]?.Handle ?? 0;
                return tensors.Length;
            default:
                throw new InvalidOperationException($"an argument of kind {argument.Kind} holds no list");
        }
    }

    private void Find()
    {
        fixed (byte* nameBytes = Encoding.UTF8.GetBytes(name + '\0'), overloadBytes = Encoding.UTF8.GetBytes(overload + '\0'))
        {
            if (Native.fs_operator(nameBytes, overloadBytes, out var found) != 0)
                throw new ExternalException($"{name}: {Native.LastError()}");
            pointer = found;
        }
    }

    private string Describe(ReadOnlySpan<Argument> arguments, string message)
    {
        var text = new StringBuilder(name).Append('(');
        for (var k = 0; k < arguments.Length; k++)
        {
            if (k > 0)
                text.Append(", ");
            Describe(text, arguments[k]);
        }
        return text.Append("): ").Append(message).ToString();
    }

    private static void Describe(StringBuilder text, in Argument argument) => _ = argument.Kind switch
    {
        Kind.Tensor => text.Append(((torch.Tensor)argument.Reference!).Summary()),
        Kind.TensorList or Kind.OptionalTensorList => text.Append('[').AppendJoin(", ", ((torch.Tensor?[])argument.Reference!).Select(item => item?.Summary() ?? "none")).Append(']'),
        Kind.IntList => text.Append('[').AppendJoin(", ", (long[])argument.Reference!).Append(']'),
        Kind.DoubleList => text.Append('[').AppendJoin(", ", (double[])argument.Reference!).Append(']'),
        Kind.Int => text.Append(argument.Bits),
        Kind.Bool => text.Append(argument.Bits != 0 ? "true" : "false"),
        Kind.Double => text.Append(BitConverter.Int64BitsToDouble(argument.Bits)),
        Kind.String => text.Append('"').Append((string)argument.Reference!).Append('"'),
        _ => text.Append(argument.Kind.ToString().ToLowerInvariant()),
    };
}
