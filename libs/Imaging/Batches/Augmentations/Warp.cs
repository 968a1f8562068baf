using System.Buffers;

namespace Fewshot.Imaging;

/// <summary>
/// Moves pixels by an affine map, as Pillow's Image.transform does: (x, y) of the result is read at (A x + B y + C, D x + E y + F), pixel
/// centres lying at halves; what lies outside the image is the fill.
/// </summary>
internal readonly record struct Warp(double A, double B, double C, double D, double E, double F)
{
    /// <summary>About the centre, counterclockwise.</summary>
    public static Warp Rotation(double degrees, int side)
    {
        // Rounded and summed as Pillow does, for the sake of pixels on the edge between two values.
        var radians = -degrees * Math.PI / 180;
        var (sin, cos) = (Math.Round(Math.Sin(radians), 15), Math.Round(Math.Cos(radians), 15));
        var centre = side / 2.0;
        return new(cos, sin, (cos * -centre) + (sin * -centre) + centre, -sin, cos, (-sin * -centre) + (cos * -centre) + centre);
    }

    public static Warp ShearX(double factor) => new(1, factor, 0, 0, 1, 0);

    public static Warp ShearY(double factor) => new(1, 0, 0, factor, 1, 0);

    public static Warp TranslateX(double pixels) => new(1, 0, pixels, 0, 1, 0);

    public static Warp TranslateY(double pixels) => new(1, 0, 0, 0, 1, pixels);

    /// <summary>Warps in place.</summary>
    /// <param name="image">The image.</param>
    /// <param name="interpolation">Between the 2x2 or 4x4 nearest pixels.</param>
    /// <param name="fill">Per channel.</param>
    public void Apply(Planes image, Interpolation interpolation, ReadOnlySpan<byte> fill)
    {
        var source = ArrayPool<byte>.Shared.Rent(image.Values.Length);
        image.Values.CopyTo(source);
        var side = image.Side;
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var fromX = (A * (x + 0.5)) + (B * (y + 0.5)) + C;
                var fromY = (D * (x + 0.5)) + (E * (y + 0.5)) + F;
                var at = (y * side) + x;
                if (fromX < 0 || fromX >= side || fromY < 0 || fromY >= side)
                {
                    for (var c = 0; c < image.Channels; c++)
                        image.Values[(c * side * side) + at] = fill[c];
                    continue;
                }

                var taps = new PixelTaps(fromX - 0.5, fromY - 0.5, side);
                for (var c = 0; c < image.Channels; c++)
                {
                    var plane = source.AsSpan(c * side * side, side * side);
                    image.Values[(c * side * side) + at] = interpolation == Interpolation.Bicubic ? taps.Cubic(plane) : taps.Linear(plane);
                }
            }
        }

        ArrayPool<byte>.Shared.Return(source);
    }
}
