using Fewshot.Benchmarks.Synthesis;

// Images out of networks beside the plain PyTorch script, in turns on an idle machine, as ratios.
//   dotnet run -c Release --project tests/Benchmarks/Synthesis -- [vit|resnet20|resnet56|all] [iterations] [rounds] [FOLDER of the models]
// "ours CASE ..." is the measured child process.
if (args is ["ours", var own, var count, var folder])
    return Ours.Run(Case.Named(own), int.Parse(count), folder);

var what = args.ElementAtOrDefault(0) ?? "all";
var iterations = int.Parse(args.ElementAtOrDefault(1) ?? "20");
var rounds = int.Parse(args.ElementAtOrDefault(2) ?? "3");
var models = args.ElementAtOrDefault(3) ?? "../shared/models";
foreach (var one in what == "all" ? Case.All : [Case.Named(what)])
    Comparison.Print(one, iterations, rounds, models);
return 0;
