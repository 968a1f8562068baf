namespace Fewshot.Imaging;

/// <summary>Encoded bytes are no image this product reads: another format, damaged, truncated or larger than allowed.</summary>
public sealed class ImageFormatException(string message, Exception? inner = null) : FormatException(message, inner);

/// <summary>A system library that decodes images is not installed (the message names its Debian package) or does not work.</summary>
public sealed class ImagingLibraryException(string message) : Exception(message);
