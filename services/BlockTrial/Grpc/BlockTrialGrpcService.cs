using System.Diagnostics;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;
using Grpc.Core;

namespace Fewshot.BlockTrial.Grpc;

/// <summary>Judges how well a network recovers when one block is dropped.</summary>
internal sealed class BlockTrialGrpcService(StepRunner steps, FewshotOptions options) : BlockTrialService.BlockTrialServiceBase
{
    public override Task RunTrials(RunTrialsRequest request, IServerStreamWriter<RunTrialsResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.RunTrials,
            request,
            step => Run(step, request, job),
            (info, progress, result) => progress is null
                ? new RunTrialsResponse { Step = info, Result = result }
                : new RunTrialsResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }

    public override Task TryCompressions(TryCompressionsRequest request, IServerStreamWriter<TryCompressionsResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.TryCompressions,
            request,
            step => Run(step, request, job),
            (info, progress, result) => progress is null
                ? new TryCompressionsResponse { Step = info, Result = result }
                : new TryCompressionsResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }

    /// <summary>Tries what no other group has tried before, and records each candidate by itself, so that another grouping finds it done.</summary>
    private static RunTrialsResult Run(StepContext step, RunTrialsRequest request, TrialJob job)
    {
        if (job.Candidates.Count == 1)
            return CandidateTrials.Run(step, job).ToProto();
        var done = job.Candidates.ToDictionary(name => name, name => step.FindResult<RunTrialsResult>(StageSteps.RunTrials, Alone(request, name)));
        string[] left = [.. job.Candidates.Where(name => done[name] is null)];
        if (left.Length > 0)
        {
            var started = Stopwatch.GetTimestamp();
            var tried = CandidateTrials.Run(step, job with { Candidates = left }).ToProto();
            var each = Stopwatch.GetElapsedTime(started) / left.Length;
            foreach (var outcome in tried.Outcomes)
            {
                var alone = done[outcome.Block] = new RunTrialsResult { Outcomes = { outcome }, Images = tried.Images };
                step.Record(StageSteps.RunTrials, Alone(request, outcome.Block), alone, each);
            }
        }

        return new RunTrialsResult { Outcomes = { job.Candidates.Select(name => done[name]!.Outcomes[0]) }, Images = done[job.Candidates[0]]!.Images };
    }

    /// <summary>As for the trials of PRACTISE; a candidate is recorded as soon as it has been tried.</summary>
    private static TryCompressionsResult Run(StepContext step, TryCompressionsRequest request, CompressionJob job)
    {
        var done = request.Candidates.Select(edit => request.Candidates.Count == 1 ? null : step.FindResult<TryCompressionsResult>(StageSteps.TryCompressions, Alone(request, edit))).ToArray();
        int[] left = [.. Enumerable.Range(0, done.Length).Where(i => done[i] is null)];
        var started = Stopwatch.GetTimestamp();
        if (left.Length > 0)
        {
            CompressionCandidates.Run(step, job with { Candidates = [.. left.Select(i => job.Candidates[i])] }, (index, tried, images) =>
            {
                var alone = done[left[index]] = new TryCompressionsResult { Outcomes = { tried.ToProto() }, Images = images };
                if (done.Length > 1)
                    step.Record(StageSteps.TryCompressions, Alone(request, request.Candidates[left[index]]), alone, Stopwatch.GetElapsedTime(started) / (index + 1));
            });
        }

        return new TryCompressionsResult { Outcomes = { done.Select(result => result!.Outcomes[0]) }, Images = done[0]!.Images };
    }

    private static TryCompressionsRequest Alone(TryCompressionsRequest request, Networks.V1.Edit candidate)
    {
        var alone = request.Clone();
        alone.Candidates.Clear();
        alone.Candidates.Add(candidate);
        return alone;
    }

    private static RunTrialsRequest Alone(RunTrialsRequest request, string candidate)
    {
        var alone = request.Clone();
        alone.Candidates.Clear();
        alone.Candidates.Add(candidate);
        return alone;
    }
}
