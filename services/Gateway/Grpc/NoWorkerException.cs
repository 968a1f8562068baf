using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>No worker of a step's stage could be reached for as long as patience goes (gRPC UNAVAILABLE).</summary>
public sealed class NoWorkerException(string step, TimeSpan patience, RpcException last)
    : Exception($"No worker for step {step} could be reached for {patience.TotalSeconds} s: {last.Reason()}", last);
