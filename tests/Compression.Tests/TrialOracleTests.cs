using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Fewshot.Compression.Trials;
using Fewshot.Models;

namespace Fewshot.Compression.Tests;

/// <summary>Our grouped, folded, prefix-sharing trials against PyTorch's plain ones on the same batch.</summary>
public sealed class TrialOracleTests : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-oracle-").FullName;

    [SkippableFact]
    public void Run_FixedBatch_EqualsPyTorch()
    {
        Skip.IfNot(File.Exists(Python) && Start(["-c", "import torch, numpy, PIL"]).ExitCode == 0, "python3-torch is not installed");
        string[] blocks = ["layer1.1", "layer2.2", "layer3.2"];
        var settings = new TrialSettings(Iterations: 10, BatchSize: SmallSet.Count, LearningRate: 1e-4);
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches(Imaging.Augmentation.None);
        var weights = Path.Combine(folder, "weights.safetensors");
        var pixels = Path.Combine(folder, "images.f32");
        Checkpoint.Save(network, weights);
        using (var batch = images.Evaluation(0, SmallSet.Count))
            File.WriteAllBytes(pixels, MemoryMarshal.AsBytes<float>(batch.data<float>().ToArray()).ToArray());

        var ours = BlockTrialsTests.Run(network, images, blocks, settings);
        var (exit, output) = Start(
        [
            Path.Combine(AppContext.BaseDirectory, "trial_oracle.py"), AppContext.BaseDirectory, weights, pixels, $"{SmallSet.Count}", "10", "1e-4", .. blocks,
        ]);

        Assert.True(exit == 0, output);
        var oracle = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        for (var i = 0; i < blocks.Length; i++)
        {
            Assert.InRange(ours[i].Value, oracle[i][0] * (1 - 1e-3), oracle[i][0] * (1 + 1e-3));
            Assert.InRange(ours[i].DistanceBefore, oracle[i][1] * (1 - 1e-4), oracle[i][1] * (1 + 1e-4));
            Assert.True(oracle[i][0] < oracle[i][1], "the trial should have trained something");
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

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
