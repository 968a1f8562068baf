namespace TorchSharp.Interop;

/// <summary>
/// Layers that the shim computes on the CPU in place of libtorch 1.13, whose operators are slow there. Newer libtorch has quick ones of its own. Null: the
/// arguments need the general operators (another device, type or layout).
/// </summary>
internal static unsafe class OwnKernels
{
    private static readonly bool Wanted = Version.Parse(torch.__version__.Split('+', 'a')[0]).Major < 2;

    internal static torch.Tensor? Attention(torch.Tensor query, torch.Tensor key, torch.Tensor value, torch.Tensor? mask)
    {
        if (!Wanted)
            return null;
        Native.Check(Native.fs_attention(query.Handle, key.Handle, value.Handle, mask?.Handle ?? 0, 1 / Math.Sqrt(query.size(-1)), out var result));
        return Wrap(result);
    }

    internal static torch.Tensor? Linear(torch.Tensor input, torch.Tensor weight, torch.Tensor? bias)
    {
        if (!Wanted)
            return null;
        Native.Check(Native.fs_linear(input.Handle, weight.Handle, bias?.Handle ?? 0, out var result));
        return Wrap(result);
    }

    internal static torch.Tensor? Gelu(torch.Tensor x)
    {
        if (!Wanted)
            return null;
        Native.Check(Native.fs_gelu(x.Handle, out var result));
        return Wrap(result);
    }

    internal static torch.Tensor? LayerNorm(torch.Tensor input, long[] shape, torch.Tensor? weight, torch.Tensor? bias, double epsilon)
    {
        if (!Wanted)
            return null;
        nint result;
        fixed (long* sizes = shape)
            Native.Check(Native.fs_layer_norm(input.Handle, sizes, shape.Length, weight?.Handle ?? 0, bias?.Handle ?? 0, epsilon, out result));
        return Wrap(result);
    }

    private static torch.Tensor? Wrap(nint handle) => handle == 0 ? null : torch.Tensor.Wrap(handle);
}
