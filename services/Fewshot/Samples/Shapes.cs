namespace Fewshot.Cli.Samples;

/// <summary>A kind of image: which points of the plane (the shape's own coordinates, -1..1) are painted.</summary>
internal sealed record Shape(string Name, Func<double, double, bool> Covers);

/// <summary>The ten classes, in alphabetical order: the order in which folders become class numbers.</summary>
internal static class Shapes
{
    public static IReadOnlyList<Shape> All { get; } =
    [
        new("checks", (u, v) => InSquare(u, v, 1) && (((int)Math.Floor((u + 1) * 2.5) + (int)Math.Floor((v + 1) * 2.5)) & 1) == 0),
        new("crescent", (u, v) => InDisc(u, v, 1) && !InDisc(u - 0.55, v, 0.85)),
        new("cross", (u, v) => InSquare(u, v, 1) && (Math.Abs(u) < 0.3 || Math.Abs(v) < 0.3)),
        new("disc", (u, v) => InDisc(u, v, 0.95)),
        new("frame", (u, v) => InSquare(u, v, 0.88) && !InSquare(u, v, 0.5)),
        new("ring", (u, v) => InDisc(u, v, 1) && !InDisc(u, v, 0.58)),
        new("square", (u, v) => InSquare(u, v, 0.8)),
        new("star", InStar),
        new("stripes", (u, v) => InDisc(u, v, 1.1) && ((int)Math.Floor((u + 2) * 2.6) & 1) == 0),
        new("triangle", InTriangle),
    ];

    private static bool InDisc(double u, double v, double radius) => (u * u) + (v * v) < radius * radius;

    private static bool InSquare(double u, double v, double half) => Math.Abs(u) < half && Math.Abs(v) < half;

    private static bool InTriangle(double u, double v) => v > -0.55 && (1.7320508 * Math.Abs(u)) + v < 1.05;

    /// <summary>A five-pointed star: the union of what lies on the inner side of at least four of its five lines.</summary>
    private static bool InStar(double u, double v)
    {
        var inside = 0;
        for (var i = 0; i < 5; i++)
        {
            var (sin, cos) = Math.SinCos(2 * Math.PI * i / 5);
            if ((sin * u) - (cos * v) < 0.382 * 1.05) inside++;
        }

        return inside >= 4 && InDisc(u, v, 1.05);
    }
}
