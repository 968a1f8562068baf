using Fewshot.Benchmarks.CompressionTrials;

// DC-ViT's block trials beside the plain PyTorch script, in one run on an idle machine, as ratios; the peak memory of a ViT-B trial; and the engine's
// fused layers beside single operators.
//   dotnet run -c Release --project tests/Benchmarks/CompressionTrials -- [trials|memory|operators|all] [iterations] [rounds] [MODEL] [IMAGES]
// "ours ..." and "memory-child" are the measured child processes.
if (args is ["ours", var count, var file, var folder])
    return Ours.Trials(int.Parse(count), file, folder);
if (args is ["memory-child", var batch])
    return Ours.Memory(int.Parse(batch));

var mode = args.ElementAtOrDefault(0) ?? "all";
var iterations = int.Parse(args.ElementAtOrDefault(1) ?? "10");
var rounds = int.Parse(args.ElementAtOrDefault(2) ?? "3");
var model = args.ElementAtOrDefault(3) ?? "../shared/models/vit_fashion_mnist.safetensors";
var images = args.ElementAtOrDefault(4) ?? "../shared/data/fashion_mnist/train";
if (mode is "trials" or "all")
    Comparison.PrintTrials(iterations, rounds, model, images);
if (mode is "memory" or "all")
    Comparison.PrintMemory(batch: 16);
if (mode is "operators" or "all")
    Operators.Print();
return 0;
