using TorchSharp;
using TorchSharp.Modules;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.TorchSharp;

/// <summary>Counts native references over the whole process, so nothing else may run beside these tests.</summary>
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
[Collection(nameof(LeakTests))]
public sealed class LeakTests
{
    public LeakTests() => Settle();

    /// <summary>Lets the collector free what earlier tests left to it, which it would otherwise do in the midst of a count.</summary>
    internal static void Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void TrainingSteps_Hundred_ReferencesReturnToTheBaseline()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new SmallNetwork();
        using var optimizer = torch.optim.SGD(network.Parameters, 0.05, 0.9, weight_decay: 1e-4);
        network.Step(optimizer);
        var before = torch.Tensor.LiveReferences;
        for (var step = 0; step < 100; step++)
            network.Step(optimizer);
        Assert.Equal(before, torch.Tensor.LiveReferences);
    }

    [Fact]
    public void TrainingSteps_WithAdamW_ReferencesReturnToTheBaseline()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new SmallNetwork();
        using var optimizer = torch.optim.AdamW(network.Parameters, 0.01);
        network.Step(optimizer);
        var before = torch.Tensor.LiveReferences;
        for (var step = 0; step < 20; step++)
            network.Step(optimizer);
        Assert.Equal(before, torch.Tensor.LiveReferences);
    }

    [Fact]
    public void FailedCalls_Many_LeaveNoReferences()
    {
        using var scope = torch.NewDisposeScope();
        var (left, right) = (torch.ones(2, 3), torch.ones(4, 5));
        var before = torch.Tensor.LiveReferences;
        for (var k = 0; k < 100; k++)
            Assert.ThrowsAny<Exception>(() => torch.mm(left, right));
        Assert.Equal(before, torch.Tensor.LiveReferences);
        Assert.Equal(1, left.UseCount);
    }

    [Fact]
    public void ListsPairsAndViews_Disposed_LeaveNoReferences()
    {
        var before = torch.Tensor.LiveReferences;
        using (torch.NewDisposeScope())
        {
            var tensor = torch.randn(4, 6);
            tensor.split(2, 1);
            tensor.topk(2);
            torch.linalg.svd(tensor);
            _ = tensor[.., 1..3];
            _ = tensor[torch.tensor((long[])[0, 2])];
            torch.cat([tensor, tensor]);
            torch.frombuffer(new float[8], torch.float32);
        }
        Assert.Equal(before, torch.Tensor.LiveReferences);
    }

    [Fact]
    public void OptimizerState_Disposed_LeavesNoReferences()
    {
        var before = torch.Tensor.LiveReferences;
        using (torch.NewDisposeScope())
        {
            using var network = new SmallNetwork();
            using var optimizer = torch.optim.SGD(network.Parameters, 0.05, 0.9);
            network.Step(optimizer);
            using var stream = new MemoryStream();
            using var writer = new BinaryWriter(stream);
            optimizer.save_state_dict(writer);
            stream.Position = 0;
            using var reader = new BinaryReader(stream);
            optimizer.load_state_dict(reader);
            optimizer.load_state_dict(optimizer.state_dict());
        }
        Assert.Equal(before, torch.Tensor.LiveReferences);
    }

    [Fact]
    public void UndisposedTensors_Collected_FinalizerFreesThem()
    {
        var before = torch.Tensor.LiveReferences;
        MakeGarbage();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(before, torch.Tensor.LiveReferences);

        static void MakeGarbage()
        {
            for (var k = 0; k < 10; k++)
                torch.ones(4);
        }
    }

    [Fact]
    public void TrainingSteps_OverTime_ResidentMemoryStaysFlat()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new SmallNetwork(batch: 32);
        using var optimizer = torch.optim.SGD(network.Parameters, 0.05, 0.9);
        for (var step = 0; step < 15; step++)
            network.Step(optimizer);
        var before = Environment.WorkingSet;
        for (var step = 0; step < 40; step++)
            network.Step(optimizer);
        var growth = (Environment.WorkingSet - before) >> 20;
        Assert.True(growth < 32, $"40 steps made the process {growth} MiB larger");
    }

    private sealed class SmallNetwork : IDisposable
    {
        private readonly torch.Tensor images, labels, mean = torch.zeros(8), variance = torch.ones(8);
        private readonly Parameter weight = new(torch.randn(8, 3, 3, 3) * 0.2), scale = new(torch.ones(8)), shift = new(torch.zeros(8)), classes = new(torch.randn(5, 8));

        internal SmallNetwork(int batch = 4)
        {
            images = torch.randn(batch, 3, 16, 16);
            labels = torch.randint(5, [batch]);
        }

        internal Parameter[] Parameters => [weight, scale, shift, classes];

        internal void Step(torch.optim.Optimizer optimizer)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.zero_grad();
            var features = F.relu(F.batch_norm(F.conv2d(images, weight, padding: [1]), mean, variance, scale, shift, training: true));
            var loss = F.cross_entropy(F.linear(F.adaptive_avg_pool2d(features, 1).flatten(1), classes), labels);
            loss.backward();
            _ = weight.grad;
            optimizer.step();
        }

        public void Dispose()
        {
            foreach (var tensor in (torch.Tensor[])[images, labels, mean, variance, .. Parameters])
                tensor.Dispose();
        }
    }
}
