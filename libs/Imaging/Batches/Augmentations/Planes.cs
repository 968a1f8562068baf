namespace Fewshot.Imaging;

/// <summary>A square image as batches hold it: one plane a channel, [channels, side, side].</summary>
internal readonly ref struct Planes(Span<byte> values, int channels, int side)
{
    public Span<byte> Values { get; } = values[..(channels * side * side)];

    public int Channels => channels;

    public int Side => side;

    public Span<byte> this[int channel] => Values.Slice(channel * side * side, side * side);
}
