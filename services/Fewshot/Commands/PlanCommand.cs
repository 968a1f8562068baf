using System.CommandLine;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Planning;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot plan</c>: which MACs targets a network can reach, from its description alone.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var model = new ModelOptions(modelRequired: false);
        var plan = new PlanOptions();
        var json = OptionKinds.Flag("--json", "print one JSON document");
        var command = new Command("plan", "Lists the MACs targets a network can reach, and the structure each one means, without running anything.");
        model.AddTo(command);
        plan.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var settings = plan.Read(parsed);
            try
            {
                var network = PlannedNetwork.Of(ModelInput.Describe(model.Read(parsed)), settings);
                IPlanOutput written = network.IsCompressible ? Structures(network, settings) : WholeBlockTargets(network, settings);
                if (parsed.GetValue(json)) written.WriteJson();
                else written.WriteTables();
                return ExitCodes.Success;
            }
            catch (PlanningException exception)
            {
                throw CommandException.BadInput(settings.MacsRatio is null ? exception.Message : $"--macs-ratio: {exception.Message}", exception);
            }
        });
        return command;
    }

    private static StructurePlan Structures(PlannedNetwork network, PlanSettings settings)
    {
        var (macs, parts) = (network.Costs.Macs, network.Parts);
        if (settings.MacsRatio is { } one)
            return new StructurePlan(network, [], [(one, StructureSolver.Solve(macs, parts, one, settings.ExtraBlocks))]);
        var table = StructureSolver.Table(macs, parts, settings.ExtraBlocks);
        if (table.Count == 0) throw new PlanningException($"{settings.ExtraBlocks} blocks more than the fewest leave nothing that can be reached.");
        // The gaps between runs are shown as such; what lies beyond the first and the last structure is not.
        var rows = Ratios(settings.Step).Where(ratio => ratio * macs <= table[0].Macs && ratio * macs >= table[^1].Macs)
            .Select(ratio => (ratio, StructureSolver.TrySolve(macs, parts, ratio, settings.ExtraBlocks)));
        return new StructurePlan(network, [.. table.GroupBy(s => s.Blocks).OrderBy(g => g.Key).Select(g => (g.First(), g.Last()))], [.. rows]);
    }

    private static WholeBlockPlan WholeBlockTargets(PlannedNetwork network, PlanSettings settings)
    {
        var blocks = network.Candidates.Select(block => block.Macs).ToArray();
        var macs = WholeBlocks.Ranges(network.Costs.Macs, blocks);
        var parameters = WholeBlocks.Ranges(network.Costs.Params, [.. network.Candidates.Select(block => block.Params)]);
        (int, int)? needed = settings.MacsRatio is { } ratio ? WholeBlocks.Needed(network.Costs.Macs, blocks, ratio) : null;
        return new WholeBlockPlan(network, macs, parameters, settings.MacsRatio, needed);
    }

    private static IEnumerable<double> Ratios(double step) =>
        Enumerable.Range(1, (int)Math.Floor(1 / step)).Select(i => (double)(1 - (i * (decimal)step))).Where(ratio => ratio > 0);
}
