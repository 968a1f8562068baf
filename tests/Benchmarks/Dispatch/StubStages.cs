using System.Diagnostics;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.Trials.V1;
using Grpc.Core;

namespace Fewshot.Benchmarks.Dispatch;

/// <summary>Stages that compute nothing: what is left is the gateway's work. Every candidate is a stage of its own, so that each is a step of its own.</summary>
internal sealed class StubStages(int candidates, TimeSpan longest)
{
    private long first, last, trials, busyTicks;

    /// <summary>Trials that were dispatched, and the seconds from the first one to the last.</summary>
    public (long Trials, double Seconds) Dispatched => (Interlocked.Read(ref trials), Stopwatch.GetElapsedTime(Interlocked.Read(ref first), Interlocked.Read(ref last)).TotalSeconds);

    /// <summary>Seconds that the stubs slept for trials, all workers together.</summary>
    public double BusySeconds => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref busyTicks)).TotalSeconds;

    /// <summary>Counts from zero again.</summary>
    public void Forget() => first = last = trials = busyTicks = 0;

    public NetworkDescription Network(IEnumerable<Edit> edits)
    {
        var gone = edits.Select(edit => edit.DropBlock.Block).ToHashSet(StringComparer.Ordinal);
        var blocks = Enumerable.Range(0, candidates).Select(i => new Block { Name = $"layer{i}.1", CheckpointName = $"layer{i}.1", Stage = i, Droppable = true, Macs = 1000 + i, Params = 10 })
            .Where(block => !gone.Contains(block.Name)).ToArray();
        return new NetworkDescription { Variant = "stub", Macs = 1000 + blocks.Sum(block => block.Macs), Params = 10 + blocks.Sum(block => block.Params), ImageSize = 32, Classes = 10, Blocks = { blocks } };
    }

    /// <summary>One trial: sleeps for a time that the block and the seed give.</summary>
    public async Task TryAsync(ulong seed, string block, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        Interlocked.CompareExchange(ref first, began, 0);
        Interlocked.Increment(ref trials);
        if (longest > TimeSpan.Zero)
        {
            // Between a fifth of the longest and the longest.
            var share = (uint)HashCode(seed, block) / (double)uint.MaxValue;
            await Task.Delay(longest * (0.2 + (0.8 * share)), ct);
        }

        var ended = Stopwatch.GetTimestamp();
        Interlocked.Add(ref busyTicks, ended - began);
        Interlocked.Exchange(ref last, ended);
    }

    // Not string.GetHashCode, which differs from run to run.
    private static int HashCode(ulong seed, string block) => block.Aggregate((int)seed * 7919, (hash, letter) => unchecked((hash * 16777619) ^ letter));

    internal sealed class Profiler(StubStages stages) : LatencyProfilerService.LatencyProfilerServiceBase
    {
        private static readonly DeviceDescription Device = new() { Name = "stub", Runtime = "none", Threads = 1, Dtype = "float32", Fingerprint = new string('f', 64) };

        public override Task<DescribeNetworkResponse> DescribeNetwork(DescribeNetworkRequest request, ServerCallContext context) =>
            Task.FromResult(new DescribeNetworkResponse { Description = stages.Network(request.Network.Edits) });

        public override Task<DescribeDeviceResponse> DescribeDevice(DescribeDeviceRequest request, ServerCallContext context) => Task.FromResult(new DescribeDeviceResponse { Device = Device });

        public override Task Profile(ProfileRequest request, IServerStreamWriter<ProfileResponse> responseStream, ServerCallContext context)
        {
            var all = stages.Network([]).Macs;
            Measurement Measure(string name, long macs) => new()
            {
                Name = name, Macs = macs, Params = 10, MeanUs = macs, P50Us = macs, P95Us = macs, StderrUs = 1, Runs = request.Runs, Tau = (all - macs) / (double)all, TauStderr = 0.001,
            };
            return responseStream.WriteAsync(new ProfileResponse
            {
                Result = new ProfileResult
                {
                    Device = Device, BatchSize = request.BatchSize, Original = Measure("original", all),
                    Candidates = { request.Candidates.Select(candidate => Measure(candidate.Name, stages.Network(candidate.Edits).Macs)) },
                },
            });
        }
    }

    internal sealed class Trials(StubStages stages) : BlockTrialService.BlockTrialServiceBase
    {
        public override async Task RunTrials(RunTrialsRequest request, IServerStreamWriter<RunTrialsResponse> responseStream, ServerCallContext context)
        {
            foreach (var block in request.Candidates)
                await stages.TryAsync(request.Seed, block, context.CancellationToken);
            await responseStream.WriteAsync(new RunTrialsResponse
            {
                Result = new RunTrialsResult { Images = 1, Outcomes = { request.Candidates.Select((name, i) => new TrialOutcome { Block = name, Value = 1 + i, DistanceBefore = 2 + i }) } },
            });
        }
    }

    internal sealed class Finetuner : FinetunerService.FinetunerServiceBase
    {
        public override Task Finetune(FinetuneRequest request, IServerStreamWriter<FinetuneResponse> responseStream, ServerCallContext context) =>
            responseStream.WriteAsync(new FinetuneResponse { Result = new FinetuneResult { NetworkDigest = request.TeacherDigest, FirstLoss = 2, LastLoss = 1, Images = 1 } });
    }
}
