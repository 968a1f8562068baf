using Fewshot.Cli.Options;
using Fewshot.Models;
using Fewshot.Planning;

namespace Fewshot.Cli.Inputs;

/// <summary>Targets that a network cannot meet, found before images are read or anything is sent.</summary>
internal static class DcVitTargets
{
    /// <exception cref="CommandException">A candidate cannot go, or no structure meets a target; the message names the nearest that are met.</exception>
    public static void Check(NetworkSpec spec, DcVitSettings settings)
    {
        var network = PlannedNetwork.Of(spec, new PlanSettings(settings.PaperMacs, null, 0, settings.ExtraBlocks, settings.Candidates));
        try
        {
            foreach (var ratio in settings.Target.MacsRatios)
            {
                if (network.IsCompressible)
                    StructureSolver.Solve(network.Costs.Macs, network.Parts, ratio, settings.ExtraBlocks);
                else
                    WholeBlocks.Needed(network.Costs.Macs, [.. network.Candidates.Select(block => block.Macs)], ratio);
            }
        }
        catch (PlanningException exception)
        {
            throw CommandException.BadInput($"{(settings.Target.Several ? "--targets" : "--macs-ratio")}: {exception.Message} 'fewshot plan' lists what can be reached", exception);
        }
    }
}
