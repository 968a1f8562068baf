using Fewshot.Benchmarks.GrpcThroughput;

// Without arguments: rounds of both stacks in turn, so that a busy moment of the machine strikes both; medians and their ratio.
switch (args)
{
    case ["server"]:
        await Ours.ServeAsync();
        break;
    case ["client", var port, var seconds]:
        await Ours.MeasureAsync(int.Parse(port), double.Parse(seconds));
        break;
    default:
        await Comparison.RunAsync(rounds: 5, seconds: 1.5);
        break;
}
