using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

/// <summary>Every operator, forward and backward, against PyTorch on the same inputs.</summary>
public sealed class ParityTests(ParityFixture fixture) : IClassFixture<ParityFixture>
{
    // Where the operators compute; tests/gpu/run asks for cuda. PyTorch answers from the CPU.
    private static readonly torch.Device Device = torch.device(Environment.GetEnvironmentVariable("FEWSHOT_TEST_DEVICE") is { Length: > 0 } named ? named : "cpu");

    public static TheoryData<string> Names => [.. ParityFixture.Cases.Keys];

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Operator_SameInputs_MatchesPyTorch(string name)
    {
        Skip.If(fixture.Missing is not null, fixture.Missing);
        using var scope = torch.NewDisposeScope();
        var one = ParityFixture.Cases[name];
        var expected = fixture.Expected(name);

        var inputs = Array.ConvertAll(one.Inputs(), input => input.to(Device));
        var leaves = inputs.Where(input => input.is_floating_point()).ToArray();
        if (one.Gradients)
            foreach (var leaf in leaves)
                leaf.requires_grad = true;
        torch.manual_seed(7);
        var results = one.Run(inputs);
        List<torch.Tensor> actual = [.. results];
        if (one.Gradients)
            actual.AddRange(Gradients(results, leaves));

        Assert.Equal(expected.Length, actual.Count);
        for (var k = 0; k < expected.Length; k++)
            AssertClose(expected[k], actual[k], one.Tolerance, $"{name}, {(k < results.Length ? $"result {k}" : $"gradient of input {k - results.Length}")}");
    }

    private static IEnumerable<torch.Tensor> Gradients(torch.Tensor[] results, torch.Tensor[] leaves)
    {
        var terms = results.Where(result => result.requires_grad)
            .Select(result => result.mul(torch.arange(result.NumberOfElements, result.dtype).cos().reshape(result.shape).to(result.device)).sum());
        var gradients = torch.autograd.grad([terms.Aggregate((left, right) => left + right)], leaves, allow_unused: true);
        return gradients.Select((gradient, k) => gradient ?? torch.zeros_like(leaves[k]));
    }

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual, double tolerance, string what)
    {
        Assert.Equal((what, expected.dtype), (what, actual.dtype));
        Assert.Equal((what, string.Join(',', expected.shape)), (what, string.Join(',', actual.shape)));
        if (expected.NumberOfElements == 0)
            return;
        using var scope = torch.NewDisposeScope();
        var (left, right) = (expected.to(torch.float64), actual.detach().cpu().to(torch.float64));
        var error = (left - right).abs().max().item<double>();
        Assert.True(left.allclose(right, tolerance, tolerance, equal_nan: true), $"{what}: the largest difference is {error:G3}, allowed {tolerance:G3}");
    }
}
