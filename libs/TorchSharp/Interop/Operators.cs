namespace TorchSharp.Interop;

/// <summary>Operators that several files call.</summary>
internal static class Operators
{
    internal static readonly Operator item = new("aten::item");
}
