namespace TorchSharp;

/// <summary>Reads single-element tensors as .NET numbers, whatever their element type.</summary>
public static class TensorExtensionMethods
{
    public static float ToSingle(this torch.Tensor value) => value.ToScalar().ToSingle();
    public static double ToDouble(this torch.Tensor value) => value.ToScalar().ToDouble();
    public static long ToInt64(this torch.Tensor value) => value.ToScalar().ToInt64();
    public static int ToInt32(this torch.Tensor value) => value.ToScalar().ToInt32();
    public static byte ToByte(this torch.Tensor value) => value.ToScalar().ToByte();
    public static bool ToBoolean(this torch.Tensor value) => value.ToScalar().ToBoolean();
}
