using Fewshot.Benchmarks.Trials;

// Block trials and mimic finetuning beside the plain PyTorch script, in one run on an idle machine, as ratios.
//   dotnet run -c Release --project tests/Benchmarks/Trials -- [trials|finetune|both] [iterations] [MODEL] [IMAGES]
// "ours trials|finetune ..." is the measured child process.
if (args is ["ours", var what, var count, var file, var folder])
    return Ours.Run(what, int.Parse(count), file, folder);

var mode = args.ElementAtOrDefault(0) ?? "both";
var iterations = int.Parse(args.ElementAtOrDefault(1) ?? "10");
var model = args.ElementAtOrDefault(2) ?? "../shared/models/resnet56_cifar10.th";
var images = args.ElementAtOrDefault(3) ?? "../shared/data/cifar10/train";
foreach (var stage in mode == "both" ? ["trials", "finetune"] : new[] { mode })
    Comparison.Print(stage, iterations, model, images);
return 0;
