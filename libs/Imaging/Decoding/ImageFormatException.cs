namespace Fewshot.Imaging;

/// <summary>Encoded bytes are no image this product reads: another format, damaged, truncated or larger than allowed.</summary>
public sealed class ImageFormatException(string message, Exception? inner = null) : FormatException(message, inner);

/// <summary>A native library that decodes images is missing or cannot be loaded; the message says which.</summary>
public sealed class ImagingLibraryException(string message) : Exception(message);
