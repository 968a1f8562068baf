using Fewshot.Artifacts;
using Fewshot.Compression.Profiling;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
using Grpc.Core;

namespace Fewshot.LatencyProfiler.Grpc;

/// <summary>Measures what networks cost on this worker's device.</summary>
internal sealed class LatencyProfilerGrpcService(StepRunner steps, IArtifactStore artifacts, FewshotOptions options)
    : LatencyProfilerService.LatencyProfilerServiceBase
{
    public override async Task<DescribeNetworkResponse> DescribeNetwork(DescribeNetworkRequest request, ServerCallContext context)
    {
        var network = Fields.Present(request.Network, "network");
        var edits = network.Edits.ToEdits("network.edits");
        var path = await artifacts.MaterializeAsync(Fields.Digest(network.Digest, "network.digest"), context.CancellationToken);
        var (spec, costs) = NetworkProfiling.Describe(path, edits, request.MacsConvention.ToConvention("macs_convention"));
        return new DescribeNetworkResponse { Description = ProfilingTranslation.ToProto(spec, costs) };
    }

    public override Task<DescribeDeviceResponse> DescribeDevice(DescribeDeviceRequest request, ServerCallContext context)
    {
        var compute = request.Compute.ToSettings();
        return Task.FromResult(new DescribeDeviceResponse { Device = DeviceInfo.Current(compute).ToProto() });
    }

    public override Task Profile(ProfileRequest request, IServerStreamWriter<ProfileResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.Profile,
            request,
            step => NetworkProfiling.Measure(step, job).ToProto(job.BatchSize),
            (info, progress, result) => progress is null
                ? new ProfileResponse { Step = info, Result = result }
                : new ProfileResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }
}
