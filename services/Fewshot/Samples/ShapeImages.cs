using Fewshot.Imaging;

namespace Fewshot.Cli.Samples;

/// <summary>
/// Draws 32x32 colour images of ten kinds of shapes and textures: any place, size, angle and colours, over a shaded
/// ground with clutter and pixel noise; or plainly: light on dark, almost upright and with nothing in the way, which a small
/// transformer learns from few images too. The same (seed, split, class, index) always draws the same image.
/// </summary>
internal static class ShapeImages
{
    public const int Side = 32;
    private const int Subsamples = 3; // per pixel and axis: soft edges
    private const double PlainTurn = Math.PI / 12, PlainNoise = 6;

    public static IReadOnlyList<string> Classes { get; } = [.. Shapes.All.Select(shape => shape.Name)];

    public static Image Draw(ulong seed, int split, int shapeIndex, int index, bool plain = false)
    {
        var draw = new Draws(seed, split, shapeIndex, index);
        var shape = Shapes.All[shapeIndex];
        var placement = plain ? Placement.Of(draw, -PlainTurn, PlainTurn) : Placement.Of(draw, 0, 2 * Math.PI);
        var ground = plain ? Shade.Flat(draw, 10, 110) : Shade.Of(draw);
        var paint = plain ? Shade.Flat(draw, 145, 245) : ground.Contrasting(draw);
        var clutter = Enumerable.Range(0, plain ? 0 : draw.Below(3)).Select(_ => (Line.Of(draw), Shade.Of(draw))).ToArray();
        var noise = plain ? PlainNoise : draw.Between(6, 26);

        var pixels = new byte[Side * Side * 3];
        var colour = new double[3];
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                Array.Clear(colour);
                for (var sub = 0; sub < Subsamples * Subsamples; sub++)
                {
                    var px = (x + (((sub % Subsamples) + 0.5) / Subsamples)) / Side;
                    var py = (y + (((sub / Subsamples) + 0.5) / Subsamples)) / Side;
                    var (u, v) = placement.ToShape(px, py);
                    var shade = shape.Covers(u, v) ? paint : ground;
                    foreach (var (line, lineShade) in clutter)
                    {
                        if (line.Covers(px, py)) shade = lineShade;
                    }

                    shade.AddTo(colour, px, py);
                }

                for (var c = 0; c < 3; c++)
                    pixels[(((y * Side) + x) * 3) + c] = (byte)Math.Clamp(Math.Round((colour[c] / (Subsamples * Subsamples)) + (noise * draw.Bell())), 0, 255);
            }
        }

        return new Image(Side, Side, 3, pixels);
    }

    /// <summary>Where a shape stands, how large and turned by how much; its own coordinates run from -1 to 1.</summary>
    private readonly record struct Placement(double X, double Y, double Radius, double Cos, double Sin)
    {
        public static Placement Of(Draws draw, double from, double to)
        {
            var radius = draw.Between(0.2, 0.44);
            var angle = draw.Between(from, to);
            var reach = 0.5 - (0.75 * radius);
            return new Placement(0.5 + draw.Between(-reach, reach), 0.5 + draw.Between(-reach, reach), radius, Math.Cos(angle), Math.Sin(angle));
        }

        public (double U, double V) ToShape(double px, double py)
        {
            var dx = (px - X) / Radius;
            var dy = (py - Y) / Radius;
            return ((Cos * dx) + (Sin * dy), (Cos * dy) - (Sin * dx));
        }
    }

    /// <summary>A colour that changes linearly over the image.</summary>
    private readonly record struct Shade(double R, double G, double B, double SlopeX, double SlopeY)
    {
        public static Shade Of(Draws draw) =>
            new(draw.Between(20, 235), draw.Between(20, 235), draw.Between(20, 235), draw.Between(-70, 70), draw.Between(-70, 70));

        public static Shade Flat(Draws draw, double low, double high) =>
            new(draw.Between(low, high), draw.Between(low, high), draw.Between(low, high), 0, 0);

        public Shade Contrasting(Draws draw)
        {
            while (true)
            {
                var other = Of(draw);
                if (Math.Abs(other.R - R) + Math.Abs(other.G - G) + Math.Abs(other.B - B) > 130) return other;
            }
        }

        public void AddTo(double[] colour, double px, double py)
        {
            var light = (SlopeX * (px - 0.5)) + (SlopeY * (py - 0.5));
            colour[0] += R + light;
            colour[1] += G + light;
            colour[2] += B + light;
        }
    }

    /// <summary>A thin bar across the image.</summary>
    private readonly record struct Line(double X, double Y, double Cos, double Sin)
    {
        public static Line Of(Draws draw)
        {
            var angle = draw.Between(0, Math.PI);
            return new Line(draw.Between(0.1, 0.9), draw.Between(0.1, 0.9), Math.Cos(angle), Math.Sin(angle));
        }

        public bool Covers(double px, double py) => Math.Abs((Cos * (py - Y)) - (Sin * (px - X))) < 0.025;
    }
}
