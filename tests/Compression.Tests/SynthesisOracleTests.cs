using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Fewshot.Artifacts;
using Fewshot.Compression.Synthesis;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

/// <summary>Whole syntheses, with known gradients and parts of the batch side by side, against PyTorch's autograd from the same noise.</summary>
public sealed class SynthesisOracleTests : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private const int Iterations = 8;

    // Adam's first steps follow the signs of the gradient, so at a high rate what rounding makes of the smallest elements soon shows everywhere.
    private const double Rate = 0.01;
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-oracle-").FullName;

    [SkippableTheory]
    [InlineData(1, 1, 0)]
    [InlineData(3, 1, 0)]
    [InlineData(2, 0.6, 2)]
    public void Run_SameNoiseAndJitter_EqualsPyTorch(int threads, double beta, double adaptive)
    {
        Skip.IfNot(File.Exists(Python) && Start(["-c", "import torch, numpy, PIL"]).ExitCode == 0, "python3-torch is not installed");
        using var teacher = SmallSet.Network();
        using var student = SmallSet.Network(seed: 2);
        var settings = new SynthesisSettings(Images: 7, FirstImage: 14, Iterations: Iterations, LearningRate: Rate, TotalVariationBeta: beta, Adaptive: adaptive);
        string[] files = [.. new[] { "teacher", "student", "noise", "best" }.Select(name => Path.Combine(folder, name))];
        Checkpoint.Save(teacher, files[0]);
        Checkpoint.Save(student, files[1]);
        new ComputeSettings(torch.CPU, Threads: threads).Apply();
        using var networks = new NetworkTerms(teacher, adaptive > 0 ? student : null, settings, torch.CPU);
        using var pixels = new PixelOptimisation(networks, teacher.Spec, teacher.HasBatchNorm, settings, torch.CPU);
        File.WriteAllBytes(files[2], Bytes(pixels.Best));
        var labels = settings.Labels(10);
        using var target = torch.tensor(labels.Select(label => (long)label).ToArray());
        var recorder = new Recorder();

        pixels.Run(target, recorder, new MemoryCheckpointStore(), CancellationToken.None);
        var (exit, output) = Start(
        [
            Path.Combine(AppContext.BaseDirectory, "synthesis_oracle.py"), AppContext.BaseDirectory, files[0], files[1], files[2], "7", Text(beta), Text(adaptive), Text(Rate), $"{Iterations}",
            string.Join(';', Enumerable.Range(0, Iterations).Select(step => new Jitter(settings.Seed, step, 14, 32)).Select(j => $"{j.Down},{j.Right},{(j.Flipped ? 1 : 0)}")),
            string.Join(',', labels), files[3],
        ]);

        Assert.True(exit == 0, output);
        var losses = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToArray();
        Assert.All(losses.Zip(recorder.Reports), (pair, step) => Assert.Equal(pair.First, pair.Second.Metric!.Value, pair.First * (step == 0 ? 1e-5 : 1e-3)));
        var best = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(files[3])).ToArray();
        var off = best.Zip(pixels.Best.data<float>().ToArray(), (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(off, 0, Rate / 20);
        Assert.True(losses[^1] < losses[0] * 0.98, "the pixels should have moved");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static byte[] Bytes(torch.Tensor tensor) => MemoryMarshal.AsBytes<float>(tensor.data<float>().ToArray()).ToArray();

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static (int ExitCode, string Output) Start(IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : errors.Result);
    }
}
