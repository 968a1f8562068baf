namespace Fewshot.Imaging;

/// <summary>
/// Eight-bit pixels in memory, interleaved and row-major: channel c of (x, y) is <c>Pixels[(y * Width + x) * Channels + c]</c>.
/// </summary>
/// <param name="Width">Pixels a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 (grey) or 3 (red, green, blue).</param>
/// <param name="Pixels">Width * Height * Channels bytes.</param>
public sealed record Image(int Width, int Height, int Channels, byte[] Pixels);
