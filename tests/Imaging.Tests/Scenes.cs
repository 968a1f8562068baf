namespace Fewshot.Imaging.Tests;

/// <summary>Pictures with edges and noise, from a seed.</summary>
public static class Scenes
{
    public static Image Make(int width, int height, int channels, ulong seed)
    {
        var random = new Philox(seed, 0, 0, 77);
        var pixels = new byte[width * height * channels];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = (i / channels % width, i / channels / width);
            var stripe = (((x / 7) + (y / 5) + (i % channels)) & 1) * 190;
            pixels[i] = (byte)(stripe + random.NextInt32(60));
        }

        return new Image(width, height, channels, pixels);
    }

    public static byte[] Png(int width, int height, int channels, ulong seed) => PngEncoder.Encode(Make(width, height, channels, seed));
}
