namespace Fewshot.Artifacts.Safetensors;

/// <summary>A safetensors container breaks a rule of the format or a limit; the message names the field (gRPC INVALID_ARGUMENT).</summary>
public sealed class SafetensorsFormatException(string message, Exception? inner = null) : FormatException(message, inner);
