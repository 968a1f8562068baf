using Fewshot.Artifacts;
using Google.Protobuf;

namespace Fewshot.ServiceDefaults;

/// <summary>A stage verb as a step: what its results are recorded under.</summary>
/// <param name="Method">Full gRPC method name, <c>/package.Service/Method</c>.</param>
/// <param name="SchemaVersion">Raised whenever the same request would give another result.</param>
/// <param name="Stage">What progress calls it, such as <c>trials</c>.</param>
public sealed record StepDefinition(string Method, int SchemaVersion, string Stage)
{
    /// <summary>The key of one request. Requests hold no maps and no clocks, so their bytes are the same everywhere.</summary>
    public StepKey KeyOf(IMessage request) => StepKey.Of(Method, SchemaVersion, request.ToByteArray());
}

/// <summary>A finished step.</summary>
/// <param name="Result">What the stage computed.</param>
/// <param name="Key">The step's key.</param>
/// <param name="Cached">It had been run before this call.</param>
/// <param name="Duration">How long the work took when it was run.</param>
public sealed record StepOutcome<TResult>(TResult Result, StepKey Key, bool Cached, TimeSpan Duration);
