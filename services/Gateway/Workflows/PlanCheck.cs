using Fewshot.Planning;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Workflows;

/// <summary>What a plan asks of a network, checked before any work is spent on it.</summary>
public static class PlanCheck
{
    /// <summary>Checks the target, and the saved profile where there is one, against the network's droppable blocks.</summary>
    /// <exception cref="InvalidFieldException">The network cannot give what is asked; the message says what it can.</exception>
    public static void Against(NetworkFacts network, PractisePlan plan, ProfileFacts? saved)
    {
        var droppable = network.Droppable;
        var names = droppable.Select(block => block.Name).ToArray();
        if (names.Length == 0)
            throw new InvalidFieldException("spec.network_digest", $"{network.Variant} has no droppable block left.");
        switch (plan.Target)
        {
            case DropTarget.Count count:
                Named("spec.practise.drop_count", () => BlockChoice.CheckCount(names, count.Blocks));
                break;
            case DropTarget.Named named:
                Named("spec.practise.blocks", () => BlockChoice.CheckNames(names, named.Blocks));
                break;
            case DropTarget.Macs macs:
                Reachable("spec.practise.macs_reduction", macs.Reduction, droppable.Sum(block => block.Macs) / (double)network.Macs, names.Length);
                break;
            case DropTarget.Params parameters:
                Reachable("spec.practise.params_reduction", parameters.Reduction, droppable.Sum(block => block.Params) / (double)network.Params, names.Length);
                break;
        }

        if (saved is not null && plan.Target is not DropTarget.Named && names.Except(saved.Candidates.Select(c => c.Name), StringComparer.Ordinal).ToArray() is { Length: > 0 } missing)
            throw new InvalidFieldException("spec.practise.latency_profile_digest", $"the profile lacks {string.Join(", ", missing)}; it is of another network or of some blocks only.");
    }

    private static void Reachable(string field, double wanted, double largest, int blocks)
    {
        if (wanted > largest)
            throw new InvalidFieldException(field, $"{wanted:P1} cannot be reached: dropping all {blocks} droppable blocks saves {largest:P1}.");
    }

    private static void Named(string field, Action check)
    {
        try
        {
            check();
        }
        catch (PlanningException e)
        {
            throw new InvalidFieldException(field, e.Message);
        }
    }
}
