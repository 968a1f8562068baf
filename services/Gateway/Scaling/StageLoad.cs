namespace Fewshot.Gateway.Scaling;

/// <summary>Steps of one stage that need a worker.</summary>
/// <param name="Queued">They wait for a slot, or for the next attempt.</param>
/// <param name="Running">They have a slot.</param>
public readonly record struct StageLoad(int Queued, int Running)
{
    /// <summary>Both: workers are needed for what runs as well as for what waits.</summary>
    public int Demand => Queued + Running;
}
