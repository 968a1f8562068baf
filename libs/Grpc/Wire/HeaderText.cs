using System.Buffers;
using System.Globalization;
using System.Text;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>The text forms of gRPC over HTTP/2: status messages, binary metadata, timeouts.</summary>
internal static class HeaderText
{
    private static readonly SearchValues<char> Unescaped = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    private static readonly SearchValues<char> Printable = SearchValues.Create(
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    /// <summary>Whether a metadata value may go on the wire as it is.</summary>
    public static bool IsPrintableAscii(string value) => !value.AsSpan().ContainsAnyExcept(Printable);

    /// <summary>UTF-8 with every byte outside printable ASCII, and '%', as %XX.</summary>
    public static string EncodeMessage(string message)
    {
        var start = message.AsSpan().IndexOfAnyExcept(Unescaped);
        if (start < 0)
            return message;
        var text = new StringBuilder(message, 0, start, message.Length + 32);
        foreach (var b in Encoding.UTF8.GetBytes(message[start..]))
        {
            if (Unescaped.Contains((char)b))
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>Undoes <see cref="EncodeMessage"/>; a '%' that starts no escape stays as it is, for a message must never be lost.</summary>
    public static string DecodeMessage(string message)
    {
        if (!message.Contains('%', StringComparison.Ordinal))
            return message;
        var source = Encoding.UTF8.GetBytes(message);
        var target = new byte[source.Length];
        var length = 0;
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] == '%' && i + 2 < source.Length
                && byte.TryParse(source.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                target[length++] = value;
                i += 2;
            }
            else
            {
                target[length++] = source[i];
            }
        }

        return Encoding.UTF8.GetString(target, 0, length);
    }

    /// <summary>Base64 without padding, as gRPC asks senders to write it.</summary>
    public static string EncodeBinary(ReadOnlySpan<byte> value) => Convert.ToBase64String(value).TrimEnd('=');

    /// <summary>Base64 with or without padding; false if it is neither.</summary>
    public static bool TryDecodeBinary(ReadOnlySpan<char> text, out byte[] value)
    {
        text = text.Trim().TrimEnd('=');
        var padded = (text.Length + 3) / 4 * 4;
        Span<char> buffer = padded <= 256 ? stackalloc char[padded] : new char[padded];
        text.CopyTo(buffer);
        buffer[text.Length..].Fill('=');
        value = new byte[padded / 4 * 3];
        if (!Convert.TryFromBase64Chars(buffer, value, out var written))
            return false;
        Array.Resize(ref value, written);
        return true;
    }

    /// <summary>At most eight digits and a unit, the finest that fits; never below one nanosecond.</summary>
    public static string EncodeTimeout(TimeSpan timeout)
    {
        const long Limit = 100_000_000;
        var ticks = timeout.Ticks;
        if (ticks <= 0)
            return "1n";
        if (ticks < Limit / 100)
            return $"{ticks * 100}n";
        if (ticks / TimeSpan.TicksPerMicrosecond < Limit)
            return $"{ticks / TimeSpan.TicksPerMicrosecond}u";
        if (ticks / TimeSpan.TicksPerMillisecond < Limit)
            return $"{ticks / TimeSpan.TicksPerMillisecond}m";
        if (ticks / TimeSpan.TicksPerSecond < Limit)
            return $"{ticks / TimeSpan.TicksPerSecond}S";
        return $"{ticks / TimeSpan.TicksPerMinute}M";
    }

    /// <summary>Reads a <c>grpc-timeout</c>; one too long for a <see cref="TimeSpan"/> becomes its maximum.</summary>
    public static bool TryDecodeTimeout(string? text, out TimeSpan timeout)
    {
        timeout = default;
        if (text is null || text.Length is < 2 or > 9 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return false;
        decimal ticks = text[^1] switch
        {
            'H' => (decimal)value * TimeSpan.TicksPerHour,
            'M' => (decimal)value * TimeSpan.TicksPerMinute,
            'S' => (decimal)value * TimeSpan.TicksPerSecond,
            'm' => (decimal)value * TimeSpan.TicksPerMillisecond,
            'u' => (decimal)value * TimeSpan.TicksPerMicrosecond,
            'n' => Math.Ceiling(value / 100m),
            _ => -1,
        };
        if (ticks < 0)
            return false;
        timeout = ticks >= TimeSpan.MaxValue.Ticks ? TimeSpan.MaxValue : TimeSpan.FromTicks((long)ticks);
        return true;
    }

    /// <summary>The value of an entry as it goes on the wire.</summary>
    /// <exception cref="RpcException">INTERNAL: the text is not printable ASCII, which HTTP/2 would refuse or mangle.</exception>
    public static string ToWire(Metadata.Entry entry)
    {
        if (entry.IsBinary)
            return EncodeBinary(entry.Bytes);
        if (!IsPrintableAscii(entry.Value))
            throw new RpcException(new Status(StatusCode.Internal, $"Metadata value of '{entry.Key}' is not printable ASCII; use a '-bin' key."));
        return entry.Value;
    }

    /// <summary>Adds one received header; binary values may come several in a line, separated by commas.</summary>
    public static void AddTo(Metadata metadata, string key, string value)
    {
        if (IsProtocolHeader(key) || key.AsSpan().ContainsAnyExcept(KeyCharacters))
            return;
        if (!Metadata.Entry.IsBinaryKey(key))
        {
            metadata.Add(new Metadata.Entry(key, value));
            return;
        }

        foreach (var part in value.AsSpan().Split(','))
        {
            if (!TryDecodeBinary(value.AsSpan()[part], out var bytes))
                throw new RpcException(new Status(StatusCode.Internal, $"Metadata value of '{key.ToLowerInvariant()}' is not base64."));
            metadata.Add(new Metadata.Entry(key, bytes, copy: false));
        }
    }

    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static bool IsProtocolHeader(string key) =>
        key.StartsWith(':')
        || key.ToLowerInvariant() is Headers.Status or Headers.Message or Headers.Encoding or Headers.AcceptEncoding or Headers.Timeout
            or "content-type" or "te" or "host" or "accept-encoding" or "content-length";
}
