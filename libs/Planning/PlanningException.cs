namespace Fewshot.Planning;

/// <summary>What was asked for cannot be planned; the message says what can (gRPC INVALID_ARGUMENT).</summary>
public sealed class PlanningException(string message) : Exception(message);
