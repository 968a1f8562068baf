namespace Fewshot.Imaging;

/// <summary>The pixels about one position of a square plane; beyond the border the border's count.</summary>
internal readonly ref struct PixelTaps
{
    private readonly double fractionX, fractionY;
    private readonly int x0, x1, x2, x3, row0, row1, row2, row3;

    /// <summary>Pixels about (x, y), where whole numbers are pixel centres.</summary>
    public PixelTaps(double x, double y, int side)
    {
        var (left, top) = ((int)Math.Floor(x), (int)Math.Floor(y));
        (fractionX, fractionY) = (x - left, y - top);
        var last = side - 1;
        (x0, x1, x2, x3) = (Math.Clamp(left - 1, 0, last), Math.Clamp(left, 0, last), Math.Clamp(left + 1, 0, last), Math.Clamp(left + 2, 0, last));
        row0 = Math.Clamp(top - 1, 0, last) * side;
        row1 = Math.Clamp(top, 0, last) * side;
        row2 = Math.Clamp(top + 1, 0, last) * side;
        row3 = Math.Clamp(top + 2, 0, last) * side;
    }

    public byte Linear(ReadOnlySpan<byte> plane) => (byte)Linear(
        Linear(plane[row1 + x1], plane[row1 + x2], fractionX), Linear(plane[row2 + x1], plane[row2 + x2], fractionX), fractionY);

    /// <summary>Keys' cubic with a = -1, which is Pillow's for transforms.</summary>
    public byte Cubic(ReadOnlySpan<byte> plane)
    {
        // Shears and shifts have a whole coordinate in one direction, where all but one row or column weigh nothing.
        var value = fractionY == 0 ? Row(plane, row1)
            : fractionX == 0 ? Cubic(plane[row0 + x1], plane[row1 + x1], plane[row2 + x1], plane[row3 + x1], fractionY)
            : Cubic(Row(plane, row0), Row(plane, row1), Row(plane, row2), Row(plane, row3), fractionY);
        return (byte)Math.Clamp(value, 0, 255);
    }

    private static double Linear(double a, double b, double fraction) => a + ((b - a) * fraction);

    private static double Cubic(double a, double b, double c, double d, double fraction) =>
        b + (fraction * (c - a + (fraction * ((2 * (a - b)) + c - d + (fraction * (b - a - c + d))))));

    private double Row(ReadOnlySpan<byte> plane, int row) =>
        Cubic(plane[row + x0], plane[row + x1], plane[row + x2], plane[row + x3], fractionX);
}
