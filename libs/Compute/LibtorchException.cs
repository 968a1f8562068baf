namespace Fewshot.Compute;

/// <summary>libtorch cannot be loaded; the message says which file, what is missing, and what to install.</summary>
public sealed class LibtorchException(string message, Exception? inner = null) : DllNotFoundException(message, inner);
