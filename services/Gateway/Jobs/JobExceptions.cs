namespace Fewshot.Gateway.Jobs;

/// <summary>No job has this id (gRPC NOT_FOUND).</summary>
public sealed class JobNotFoundException(string id) : Exception($"No job '{id}'.");

/// <summary>The request id was used with another body (gRPC ALREADY_EXISTS).</summary>
public sealed class RequestIdTakenException(string requestId)
    : Exception($"request_id: '{requestId}' was used with another body; choose another.");
