using System.Buffers;
using System.Numerics;

namespace Fewshot.Imaging;

/// <summary>How a pixel between pixels is computed.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5.</summary>
    Bicubic,
}

/// <summary>A rectangle of pixels.</summary>
public readonly record struct PixelBox(int X, int Y, int Width, int Height);

/// <summary>
/// Antialiased resizing as Pillow and torchvision do it on eight-bit images, to the bit: the filter is stretched by the scale when shrinking,
/// its weights are 22-bit fixed point, columns come before rows, and the result between the two passes is rounded to eight bits.
/// </summary>
public static class Resampler
{
    private const int PrecisionBits = 32 - 8 - 2;

    /// <summary>Resizes a whole image.</summary>
    public static Image Resize(Image image, int width, int height, Interpolation interpolation) =>
        Resize(image, new(0, 0, image.Width, image.Height), width, height, new(0, 0, width, height), interpolation);

    /// <summary>Crops <paramref name="source"/>, resizes the crop, and computes of the result only what <paramref name="window"/> shows.</summary>
    /// <param name="image">Interleaved pixels.</param>
    /// <param name="source">The crop; pixels outside it have no influence.</param>
    /// <param name="width">Width the crop is resized to.</param>
    /// <param name="height">Height the crop is resized to.</param>
    /// <param name="window">The part of the resized crop that is returned.</param>
    /// <param name="interpolation">The filter.</param>
    public static Image Resize(Image image, PixelBox source, int width, int height, PixelBox window, Interpolation interpolation)
    {
        Check(source, image.Width, image.Height, nameof(source));
        Check(window, width, height, nameof(window));
        var channels = image.Channels;
        var rowBytes = window.Width * channels;
        var columns = new Weights(source.Width, width, window.X, window.Width, interpolation);
        var rows = new Weights(source.Height, height, window.Y, window.Height, interpolation);
        var (firstRow, rowCount) = rows.Span;
        var between = ArrayPool<byte>.Shared.Rent(checked(rowCount * rowBytes));
        var target = GC.AllocateUninitializedArray<byte>(checked(rowBytes * window.Height));
        try
        {
            for (var y = 0; y < rowCount; y++)
            {
                var from = image.Pixels.AsSpan((((source.Y + firstRow + y) * image.Width) + source.X) * channels, source.Width * channels);
                var to = between.AsSpan(y * rowBytes, rowBytes);
                if (columns.IsIdentity)
                    from.Slice(window.X * channels, rowBytes).CopyTo(to);
                else if (channels == 3)
                    RowOfThree(from, to, columns);
                else
                    RowOfOne(from, to, columns);
            }

            for (var y = 0; y < window.Height; y++)
            {
                var to = target.AsSpan(y * rowBytes, rowBytes);
                var top = between.AsSpan((rows.Start[y] - firstRow) * rowBytes);
                if (rows.IsIdentity)
                    top[..rowBytes].CopyTo(to);
                else
                    Column(top, to, rows.Of(y));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(between);
        }

        return new Image(window.Width, window.Height, channels, target);
    }

    private static void Check(PixelBox box, int width, int height, string name)
    {
        if (box.X < 0 || box.Y < 0 || box.Width < 1 || box.Height < 1 || box.X > width - box.Width || box.Y > height - box.Height)
            throw new ArgumentOutOfRangeException(name, box, $"Not within {width} x {height} pixels.");
    }

    private static void RowOfThree(ReadOnlySpan<byte> from, Span<byte> to, Weights columns)
    {
        for (int x = 0, o = 0; o < to.Length; x++, o += 3)
        {
            var i = columns.Start[x] * 3;
            int red = 1 << (PrecisionBits - 1), green = red, blue = red;
            foreach (var weight in columns.Of(x))
            {
                red += from[i] * weight;
                green += from[i + 1] * weight;
                blue += from[i + 2] * weight;
                i += 3;
            }

            to[o] = Clip(red);
            to[o + 1] = Clip(green);
            to[o + 2] = Clip(blue);
        }
    }

    private static void RowOfOne(ReadOnlySpan<byte> from, Span<byte> to, Weights columns)
    {
        for (var x = 0; x < to.Length; x++)
        {
            var i = columns.Start[x];
            var sum = 1 << (PrecisionBits - 1);
            foreach (var weight in columns.Of(x))
                sum += from[i++] * weight;
            to[x] = Clip(sum);
        }
    }

    /// <summary>One output row out of the rows that start at <paramref name="top"/>: the same weights for every byte, so many bytes at once.</summary>
    private static void Column(ReadOnlySpan<byte> top, Span<byte> to, ReadOnlySpan<int> weights)
    {
        var x = 0;
        for (; x + Vector<byte>.Count <= to.Length; x += Vector<byte>.Count)
        {
            Vector<int> a = new(1 << (PrecisionBits - 1)), b = a, c = a, d = a;
            for (var j = 0; j < weights.Length; j++)
            {
                Vector.Widen(new Vector<byte>(top.Slice((j * to.Length) + x)), out var low, out var high);
                Vector.Widen(low, out var first, out var second);
                Vector.Widen(high, out var third, out var fourth);
                var weight = new Vector<int>(weights[j]);
                a += first.As<uint, int>() * weight;
                b += second.As<uint, int>() * weight;
                c += third.As<uint, int>() * weight;
                d += fourth.As<uint, int>() * weight;
            }

            Vector.Narrow(
                Vector.Narrow(Clip(a).As<int, uint>(), Clip(b).As<int, uint>()),
                Vector.Narrow(Clip(c).As<int, uint>(), Clip(d).As<int, uint>())).CopyTo(to[x..]);
        }

        for (; x < to.Length; x++)
        {
            var sum = 1 << (PrecisionBits - 1);
            for (var j = 0; j < weights.Length; j++)
                sum += top[(j * to.Length) + x] * weights[j];
            to[x] = Clip(sum);
        }
    }

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> PrecisionBits, 0, 255);

    private static Vector<int> Clip(Vector<int> sum) => Vector.Min(Vector.Max(Vector.ShiftRightArithmetic(sum, PrecisionBits), Vector<int>.Zero), new Vector<int>(255));

    /// <summary>For each output position in a window: the first input position, and the weights from there on.</summary>
    private readonly struct Weights
    {
        private readonly int[] values;
        private readonly int[] count;
        private readonly int most;

        public Weights(int inputs, int outputs, int first, int length, Interpolation interpolation)
        {
            IsIdentity = inputs == outputs;
            var scale = (double)inputs / outputs;
            var stretch = Math.Max(scale, 1);
            var support = (interpolation == Interpolation.Bilinear ? 1 : 2) * stretch;
            most = ((int)Math.Ceiling(support) * 2) + 1;
            Start = new int[length];
            count = new int[length];
            values = new int[length * most];
            Span<double> weights = most <= 256 ? stackalloc double[most] : new double[most];
            for (var i = 0; i < length; i++)
            {
                if (IsIdentity)
                {
                    (Start[i], count[i]) = (first + i, 1);
                    continue;
                }

                var centre = (first + i + 0.5) * scale;
                var start = Math.Max((int)(centre - support + 0.5), 0);
                var taps = Math.Min((int)(centre + support + 0.5), inputs) - start;
                var sum = 0.0;
                for (var k = 0; k < taps; k++)
                    sum += weights[k] = Filter((k + start - centre + 0.5) * (1 / stretch), interpolation);
                for (var k = 0; k < taps; k++)
                {
                    var fixedPoint = weights[k] / sum * (1 << PrecisionBits);
                    values[(i * most) + k] = (int)(fixedPoint + (fixedPoint < 0 ? -0.5 : 0.5));
                }

                (Start[i], count[i]) = (start, taps);
            }
        }

        public int[] Start { get; }

        public bool IsIdentity { get; }

        /// <summary>The input positions that any output of the window needs.</summary>
        public (int First, int Count) Span => (Start[0], Start[^1] + count[^1] - Start[0]);

        public ReadOnlySpan<int> Of(int i) => values.AsSpan(i * most, count[i]);

        private static double Filter(double x, Interpolation interpolation)
        {
            const double a = -0.5;
            x = Math.Abs(x);
            if (interpolation == Interpolation.Bilinear)
                return x < 1 ? 1 - x : 0;
            if (x < 1)
                return ((((a + 2) * x) - (a + 3)) * x * x) + 1;
            return x < 2 ? (((((x - 5) * x) + 8) * x) - 4) * a : 0;
        }
    }
}
