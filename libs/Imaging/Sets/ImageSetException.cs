namespace Fewshot.Imaging;

/// <summary>A set of images is not there, not readable or not large enough; the message says which and what to do.</summary>
public sealed class ImageSetException(string message, Exception? inner = null) : Exception(message, inner);
