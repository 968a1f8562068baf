using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Tests;

public class KnownNetworksTests
{
    private static readonly NetworkFacts Facts = new("toy", [], 1, 1, 32, 10);
    private static readonly KnownNetworks.Question Patient = new("sha256:1", MacsConvention.Standard, true), Impatient = Patient with { Patient = false };
    private readonly KnownNetworks networks = new();
    private int asked;

    [Fact]
    public async Task FindAsync_AskedByManyAtOnceAndAgain_AsksOnce()
    {
        var answer = new TaskCompletionSource<NetworkFacts>();
        var all = Enumerable.Range(0, 20).Select(_ => networks.FindAsync(Patient, () => Ask(answer.Task), CancellationToken.None)).ToArray();
        answer.SetResult(Facts);
        Assert.All(await Task.WhenAll(all), facts => Assert.Same(Facts, facts));
        Assert.Same(Facts, await networks.FindAsync(Impatient, () => Ask(answer.Task), CancellationToken.None));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task FindAsync_AfterAFailure_AsksAgain()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => networks.FindAsync(Patient, () => Ask(Task.FromException<NetworkFacts>(new InvalidOperationException())), CancellationToken.None));
        Assert.Same(Facts, await networks.FindAsync(Patient, () => Ask(Task.FromResult(Facts)), CancellationToken.None));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task FindAsync_OneGivesUp_TheOthersGetTheAnswer()
    {
        var answer = new TaskCompletionSource<NetworkFacts>();
        using var impatience = new CancellationTokenSource();
        var first = networks.FindAsync(Patient, () => Ask(answer.Task), impatience.Token);
        var second = networks.FindAsync(Patient, () => Ask(answer.Task), CancellationToken.None);
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        answer.SetResult(Facts);
        Assert.Same(Facts, await second);
    }

    [Fact]
    public async Task FindAsync_WhileAPatientOneWaits_TheImpatientAsksItself()
    {
        var never = new TaskCompletionSource<NetworkFacts>();
        var patient = networks.FindAsync(Patient, () => Ask(never.Task), CancellationToken.None);
        Assert.Same(Facts, await networks.FindAsync(Impatient, () => Ask(Task.FromResult(Facts)), CancellationToken.None));
        Assert.False(patient.IsCompleted);
    }

    private Task<NetworkFacts> Ask(Task<NetworkFacts> answer)
    {
        asked++;
        return answer;
    }
}
