namespace Fewshot.Compute;

/// <summary>libtorch cannot be loaded. The message names the file, what is missing, and what to install.</summary>
public sealed class LibtorchException(string message, Exception? inner = null) : DllNotFoundException(message, inner);
