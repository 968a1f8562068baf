namespace Fewshot.Imaging;

/// <summary>Buffers for decoded pixels.</summary>
internal static class Pixels
{
    /// <summary>A buffer whose every byte the decoder will write.</summary>
    public static byte[] Allocate(int width, int height, int channels)
    {
        var bytes = (long)width * height * channels;
        return bytes <= Array.MaxLength
            ? GC.AllocateUninitializedArray<byte>((int)bytes)
            : throw new ImageFormatException($"The image is {width} x {height} pixels, more than fit one buffer.");
    }
}
