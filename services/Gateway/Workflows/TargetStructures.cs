using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Reports;
using Fewshot.Planning;

namespace Fewshot.Gateway.Workflows;

/// <summary>How many blocks are compressed, and to how many hidden units: solved for a MACs ratio, measured for a latency.</summary>
internal sealed class TargetStructures(StageClients stages, DcVitPlan plan, NetworkFacts network, DcVitCandidates candidates, DeviceFacts device)
{
    /// <summary>A structure for each target of the plan.</summary>
    public async Task<IReadOnlyList<CompressedStructure>> FindAsync(JobRun run, StepLog steps)
    {
        var found = new List<CompressedStructure>();
        foreach (var target in plan.Targets)
        {
            found.Add(target switch
            {
                SizeTarget.Macs macs => StructureSolver.Solve(network.Macs, candidates.Parts, macs.Ratio, plan.ExtraBlocks),
                SizeTarget.Latency latency => await MeasuredAsync(latency.Reduction, run, steps),
                _ => throw new InvalidOperationException($"Unknown target {target}."),
            });
        }

        return found;
    }

    /// <summary>Latency hardly depends on which blocks are compressed, all being of one shape: the first candidates stand for those that the trials will choose.</summary>
    private async Task<CompressedStructure> MeasuredAsync(double reduction, JobRun run, StepLog steps)
    {
        var round = 0;
        return (await StructureSearch.ByMeasuredReductionAsync(network.Macs, candidates.Parts, MeasureAsync, reduction, plan.ExtraBlocks)).Structure;

        async Task<IReadOnlyList<double>> MeasureAsync(IReadOnlyList<CompressedStructure> structures)
        {
            var (profile, _) = await stages.ProfileAsync(run, $"profile/structure-{round++}", plan, device, structures.Select(Candidate));
            return [.. steps.Add(profile).Value.Candidates.Select(c => c.Tau)];
        }
    }

    private LatencyCandidate Candidate(CompressedStructure structure) => new(
        $"{structure.Blocks} blocks, {structure.KeptHidden} hidden units",
        [.. candidates.Blocks.Take(structure.Blocks).Select(block => new BlockEdit.Compress(block.Name, structure.KeptHidden, HiddenSelection.Random, plan.Seed))]);
}
