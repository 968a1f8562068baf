using Fewshot.Artifacts.S3;
using Microsoft.AspNetCore.Http;

namespace Fewshot.Artifacts.Tests;

/// <summary>Names on S3 servers that know conditional requests, and on those that do not.</summary>
public sealed class S3NamesFaultTests : IAsyncLifetime, IDisposable
{
    private const string Name = "steps/one", Path = "/bucket/prefix/names/steps/one";
    private static readonly Digest One = Digest.Of("one"u8), Two = Digest.Of("two"u8);
    private S3Stub stub = null!;
    private S3ArtifactNames names = null!;

    public async Task InitializeAsync()
    {
        stub = await S3Stub.StartedAsync();
        names = new S3ArtifactNames(stub.Location);
    }

    public Task DisposeAsync() => stub.DisposeAsync().AsTask();

    public void Dispose() => names.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SetFirstAsync_ManyAtOnce_AllHearTheSameWinner(bool damaged)
    {
        if (damaged)
            stub.Objects[Path] = "sha256:nonsense"u8.ToArray();
        var winners = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => names.SetFirstAsync(Name, Digest.Of([(byte)i]))));
        Assert.Equal(await names.FindAsync(Name), Assert.Single(winners.Distinct()));
    }

    [Theory]
    [InlineData(412, "PreconditionFailed")]
    [InlineData(409, "ConditionalRequestConflict")]
    public async Task SetFirstAsync_AnotherIsFaster_GivesItsArtifact(int status, string code)
    {
        stub.Fault = async context =>
        {
            if (context.Request.Method != "PUT" || stub.Objects.ContainsKey(Path))
                return false;
            stub.Objects[Path] = System.Text.Encoding.ASCII.GetBytes(Two.ToString());
            return await S3Stub.RefuseAsync(context, status, code);
        };
        Assert.Equal(Two, await names.SetFirstAsync(Name, One));
        Assert.Equal(Two, await names.FindAsync(Name));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SetFirstAsync_ServerKnowsNoConditions_LooksAndPuts(bool refuses)
    {
        stub.Fault = async context =>
        {
            if (refuses && context.Request.Headers.IfNoneMatch.Count + context.Request.Headers.IfMatch.Count > 0)
                return await S3Stub.RefuseAsync(context, 501, "NotImplemented");
            context.Request.Headers.IfNoneMatch = default;
            context.Request.Headers.IfMatch = default;
            return false;
        };
        Assert.Equal(One, await names.SetFirstAsync(Name, One));
        Assert.Equal(One, await names.SetFirstAsync(Name, Two));
        stub.Objects[Path] = "sha256:nonsense"u8.ToArray();
        Assert.Equal(Two, await names.SetFirstAsync(Name, Two));
        Assert.Equal(Two, await names.FindAsync(Name));
    }

    [Fact]
    public async Task SetFirstAsync_DoneButReportedLost_GivesItsOwn()
    {
        var lost = false;
        stub.Fault = async context =>
        {
            if (lost || context.Request.Method != "PUT")
                return false;
            lost = true;
            return await stub.ServeUnheardAsync(context);
        };
        Assert.Equal(One, await names.SetFirstAsync(Name, One));
        Assert.True(lost);
        Assert.Equal(One, await names.FindAsync(Name));
    }

    [Fact]
    public async Task SetFirstAsync_RefusedForGood_ThrowsUnavailable()
    {
        stub.Fault = async context => context.Request.Method == "PUT" && await S3Stub.RefuseAsync(context, 412, "PreconditionFailed");
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => names.SetFirstAsync(Name, One));
        Assert.Contains("s3://bucket/prefix", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403, "AccessDenied")]
    [InlineData(404, "NoSuchBucket")]
    public async Task EveryMethod_Refused_ThrowsUnavailableThatNamesTheCredentials(int status, string code)
    {
        stub.Fault = context => S3Stub.RefuseAsync(context, status, code);
        Func<Task>[] calls = [() => names.FindAsync(Name), () => names.SetFirstAsync(Name, One), () => names.RemoveAsync(Name, One)];
        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.Contains("credentials", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ListAsync_NameGoesMeanwhile_GivesTheOthers()
    {
        for (var i = 0; i < 40; i++)
            await names.SetAsync($"steps/{i}", One);
        stub.Fault = context =>
        {
            if (!context.Request.Query.ContainsKey("list-type"))
                stub.Objects.TryRemove("/bucket/prefix/names/steps/7", out _);
            return Task.FromResult(false);
        };
        var found = 0;
        await foreach (var (name, digest) in names.ListAsync("steps/"))
        {
            Assert.NotEqual("steps/7", name);
            Assert.Equal(One, digest);
            found++;
        }

        Assert.Equal(39, found);
    }
}
