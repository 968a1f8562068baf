using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Nearest = new("aten::upsample_nearest2d", "vec");
    internal static readonly Operator NearestExact = new("aten::_upsample_nearest_exact2d", "vec");
    internal static readonly Operator Bilinear = new("aten::upsample_bilinear2d", "vec");
    internal static readonly Operator Bicubic = new("aten::upsample_bicubic2d", "vec");
    internal static readonly Operator BilinearAntialias = new("aten::_upsample_bilinear2d_aa", "vec");
    internal static readonly Operator BicubicAntialias = new("aten::_upsample_bicubic2d_aa", "vec");
}

public static partial class torch
{
    /// <summary>How <see cref="nn.functional.interpolate"/> reads between pixels.</summary>
    public enum InterpolationMode
    {
        Nearest = 0,
        Linear = 1,
        Bilinear = 2,
        Bicubic = 3,
        Trilinear = 4,
        Area = 5,
        NearestExact = 6,
    }

    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>Resizes images [N, C, H, W] to a size (height, width) or by factors.</summary>
            /// <param name="x">The images.</param>
            /// <param name="size">Height and width of the result; or null.</param>
            /// <param name="scale_factor">Factors of height and width where <paramref name="size"/> is null.</param>
            /// <param name="mode">Nearest, NearestExact, Bilinear, Bicubic, or Area.</param>
            /// <param name="align_corners">Whether the corner pixels' centres stay where they are.</param>
            /// <param name="recompute_scale_factor">Whether the factors are computed again from the rounded size.</param>
            /// <param name="antialias">Whether bilinear and bicubic widen their filters when they shrink, as Pillow does.</param>
            public static Tensor interpolate(
                Tensor x, long[]? size = null, double[]? scale_factor = null, InterpolationMode mode = InterpolationMode.Nearest, bool? align_corners = null,
                bool recompute_scale_factor = false, bool antialias = false)
            {
                if (x.Dimensions != 4)
                    throw new ArgumentException($"interpolate resizes images [N, C, H, W]; the input is {x.Summary()}.", nameof(x));
                if ((size is null) == (scale_factor is null))
                    throw new ArgumentException("interpolate takes either a size or scale factors.", nameof(size));
                size = Twice(size);
                scale_factor = Twice(scale_factor);
                if (mode == InterpolationMode.Area || (recompute_scale_factor && scale_factor is not null))
                {
                    size ??= [(long)Math.Floor(x.size(2) * scale_factor![0]), (long)Math.Floor(x.size(3) * scale_factor[1])];
                    scale_factor = null;
                }

                return mode switch
                {
                    InterpolationMode.Nearest => Aten.Nearest.Call(x, size, scale_factor),
                    InterpolationMode.NearestExact => Aten.NearestExact.Call(x, size, scale_factor),
                    InterpolationMode.Bilinear => (antialias ? Aten.BilinearAntialias : Aten.Bilinear).Call(x, size, align_corners ?? false, scale_factor),
                    InterpolationMode.Bicubic => (antialias ? Aten.BicubicAntialias : Aten.Bicubic).Call(x, size, align_corners ?? false, scale_factor),
                    InterpolationMode.Area => adaptive_avg_pool2d(x, size!),
                    _ => throw new ArgumentException($"{mode} does not apply to images.", nameof(mode)),
                };
            }

            private static T[]? Twice<T>(T[]? values) => values is [var one] ? [one, one] : values;
        }
    }
}
