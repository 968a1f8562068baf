namespace Fewshot.Gateway.Tenants;

/// <summary>A tenant has as much as it may have (gRPC RESOURCE_EXHAUSTED); the message gives the number and the limit.</summary>
public sealed class QuotaExceededException(string message) : Exception(message);
