using Fewshot.Benchmarks.CompressionTrials;

// DC-ViT's block trials beside the plain PyTorch script, in one run on an idle machine, as ratios; and the peak memory of a ViT-B trial.
//   dotnet run -c Release --project tests/Benchmarks/CompressionTrials -- [trials|memory|both] [iterations] [rounds] [MODEL] [IMAGES]
// "ours ..." and "memory-child" are the measured child processes.
if (args is ["ours", var count, var file, var folder])
    return Ours.Trials(int.Parse(count), file, folder);
if (args is ["memory-child", var batch])
    return Ours.Memory(int.Parse(batch));

var mode = args.ElementAtOrDefault(0) ?? "both";
var iterations = int.Parse(args.ElementAtOrDefault(1) ?? "10");
var rounds = int.Parse(args.ElementAtOrDefault(2) ?? "3");
var model = args.ElementAtOrDefault(3) ?? "../shared/models/vit_fashion_mnist.safetensors";
var images = args.ElementAtOrDefault(4) ?? "../shared/data/fashion_mnist/train";
if (mode is "trials" or "both")
    Comparison.PrintTrials(iterations, rounds, model, images);
if (mode is "memory" or "both")
    Comparison.PrintMemory(batch: 16);
return 0;
