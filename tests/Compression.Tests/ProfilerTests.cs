using Fewshot.Compression.Profiling;
using Fewshot.Models;

namespace Fewshot.Compression.Tests;

public class ProfilerTests
{
    [Fact]
    public void Measure_DroppedBlocks_CostLess()
    {
        using var network = SmallSet.Network();
        (string, IReadOnlyList<Edit>)[] candidates =
        [
            ("one", [new DropBlock("layer1.1")]),
            ("all", [.. network.Blocks.Where(b => b.Droppable).Select(b => new DropBlock(b.Name))]),
        ];

        var (original, measured) = Profiler.Measure(network, candidates, 4, 8, 2, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);

        Assert.Equal(["one", "all"], measured.Select(m => m.Name));
        Assert.True(original.Macs > measured[0].Macs && measured[0].Macs > measured[1].Macs);
        Assert.True(original.Params > measured[0].Params);
        Assert.All(measured, m => Assert.True(double.IsFinite(m.Tau) && m.Tau < 1)); // how large it is depends on what else runs here
        Assert.True(original.P50Us > 0 && original.P95Us >= original.P50Us && double.IsFinite(original.StderrUs));
    }

    [Fact]
    public void Measure_GreyscaleTransformer_TakesOneChannel()
    {
        var variant = ModelCatalog.Find("vit_d32_l2_h2_m64_p8");
        using var network = ModelCatalog.Build(variant.Spec(4, variant.Preprocessing with { Mean = [0.5], Std = [0.5] }));

        var (original, measured) = Profiler.Measure(
            network, [("compressed", [new CompressBlock("blocks.1", 8)])], 2, 2, 1, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);

        Assert.True(original.MeanUs > 0 && measured[0].MeanUs > 0);
    }

    [Fact]
    public void Measure_CompressedTransformer_IsTheCompressedOne()
    {
        var variant = ModelCatalog.Find("vit_d128_l4_h4_m512_p4");
        using var network = ModelCatalog.Build(variant.Spec(10, variant.Preprocessing));
        Edit[] edits = [new CompressBlock("blocks.1", 16), new CompressBlock("blocks.2", 16), new CompressBlock("blocks.3", 16), new DropBlock("blocks.0")];
        using var compressed = network.Apply(edits);
        var before = LiveTensors.Settled();

        var (original, measured) = Profiler.Measure(network, [("compressed", edits)], 16, 10, 2, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);

        Assert.Equal((compressed.Costs().Macs, compressed.Costs().Params), (measured[0].Macs, measured[0].Params));
        // A twentieth of the work, in turns with the original: no load of the machine makes up for that.
        Assert.InRange(measured[0].P50Us, 0, 0.7 * original.P50Us);
        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void Measure_JointNetwork_CountsWhatTheEditedNetworkCounts()
    {
        using var network = SmallSet.Network();
        Edit[] edits = [new DropBlock("layer2.1"), new DropBlock("layer3.2")];
        using var pruned = network.Apply(edits);

        var counted = Profiler.Count(network, "joint", edits);

        Assert.Equal(pruned.Costs().Macs, counted.Macs);
        Assert.Equal(pruned.Costs().Params, counted.Params);
    }

    [Fact]
    public void Quantile_BetweenSamples_Interpolates() => Assert.Equal(2.5, LatencyStatistics.Quantile([1, 2, 3, 4], 0.5));

    [Fact]
    public void Median_OneDisturbedPass_DoesNotMove()
    {
        var calm = LatencyStatistics.Median([1, 1.1, 1.2, 1.3, 1.4]);
        var disturbed = LatencyStatistics.Median([1, 1.1, 1.2, 1.3, 90]);

        Assert.Equal(calm.Median, disturbed.Median);
        Assert.True(double.IsFinite(disturbed.StandardError));
    }

    [Fact]
    public void Fingerprint_OtherThreads_IsAnotherDevice()
    {
        var device = DeviceInfo.Current(ComputeSettings.Cpu);

        Assert.Equal(64, device.Fingerprint.Length);
        Assert.NotEqual(device.Fingerprint, (device with { Threads = device.Threads + 1 }).Fingerprint);
    }
}
