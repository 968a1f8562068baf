using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>
/// How a map <c>[N, H, W, C]</c> is cut into windows (Liu et al., arXiv 2103.14030, section 3.2): padded with zeros at the lower and right edges to whole
/// windows; where windows are shifted, rolled up and left by half a window along each axis that holds more than one.
/// </summary>
/// <param name="Window">Side of a window.</param>
/// <param name="Down">Positions that windows are shifted down.</param>
/// <param name="Right">Positions that windows are shifted right.</param>
internal readonly record struct WindowGrid(MapSize Map, long Window, long Down, long Right)
{
    private static readonly long[] Spatial = [1, 2];

    private long Rows => (Map.Height + Window - 1) / Window;

    private long Columns => (Map.Width + Window - 1) / Window;

    /// <summary>Windows.</summary>
    public long Count => Rows * Columns;

    /// <summary>Positions of a window.</summary>
    public long Area => Window * Window;

    private bool IsShifted => Down + Right > 0;

    public static WindowGrid Over(MapSize map, long window, bool shifted) =>
        new(map, window, shifted && map.Height > window ? window / 2 : 0, shifted && map.Width > window ? window / 2 : 0);

    /// <summary><c>[N, H, W, C] -> [N, windows, positions, C]</c>.</summary>
    public Tensor Cut(Tensor map)
    {
        using var scope = NewDisposeScope();
        var (count, channels) = (map.shape[0], map.shape[3]);
        var (below, beside) = ((Rows * Window) - Map.Height, (Columns * Window) - Map.Width);
        if (below + beside > 0)
            map = F.pad(map, [0, 0, 0, beside, 0, below]);
        if (IsShifted)
            map = map.roll((long[])[-Down, -Right], Spatial);
        return map.view(count, Rows, Window, Columns, Window, channels).permute(0, 1, 3, 2, 4, 5).reshape(count, Count, Area, channels).MoveToOuterDisposeScope();
    }

    /// <summary>The way back; what was padded goes.</summary>
    public Tensor Join(Tensor windows)
    {
        using var scope = NewDisposeScope();
        var (count, channels) = (windows.shape[0], windows.shape[3]);
        var map = windows.view(count, Rows, Columns, Window, Window, channels).permute(0, 1, 3, 2, 4, 5).reshape(count, Rows * Window, Columns * Window, channels);
        if (IsShifted)
            map = map.roll((long[])[Down, Right], Spatial);
        return map.narrow(1, 0, Map.Height).narrow(2, 0, Map.Width).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What is added to a window's scores, <c>[windows, positions, positions]</c>: -100 between positions that only the roll brought together; null where
    /// nothing was rolled.
    /// </summary>
    public float[]? Mask()
    {
        if (!IsShifted)
            return null;
        var mask = new float[Count * Area * Area];
        for (long window = 0, at = 0; window < Count; window++)
        {
            for (var one = 0; one < Area; one++)
            {
                for (var other = 0; other < Area; other++)
                    mask[at++] = Part(window, one) == Part(window, other) ? 0 : -100;
            }
        }

        return mask;
    }

    /// <summary>The part of the unrolled map that a position belongs to.</summary>
    private (int Row, int Column) Part(long window, long position) =>
        (Part((window / Columns * Window) + (position / Window), Rows, Down), Part((window % Columns * Window) + (position % Window), Columns, Right));

    private int Part(long place, long windows, long shift) => shift == 0 || place < (windows - 1) * Window ? 0 : place < (windows * Window) - shift ? 1 : 2;
}
