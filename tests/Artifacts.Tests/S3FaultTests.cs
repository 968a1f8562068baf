using System.Security.Cryptography;
using Fewshot.Artifacts.S3;
using Microsoft.AspNetCore.Http;

namespace Fewshot.Artifacts.Tests;

/// <summary>What an S3 server does on a bad day.</summary>
public sealed class S3FaultTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly byte[] small = RandomNumberGenerator.GetBytes(70_000), large = RandomNumberGenerator.GetBytes(18_000_000);
    private readonly LocalCopies copies;
    private S3Stub stub = null!;
    private S3ArtifactStore store = null!;

    public S3FaultTests() => copies = new LocalCopies(folder.Path, 1 << 30);

    public async Task InitializeAsync()
    {
        stub = await S3Stub.StartedAsync();
        store = new S3ArtifactStore(stub.Location, copies);
    }

    public Task DisposeAsync() => stub.DisposeAsync().AsTask();

    public void Dispose()
    {
        store.Dispose();
        copies.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(503, "SlowDown")]
    [InlineData(500, "InternalError")]
    [InlineData(409, "OperationAborted")]
    [InlineData(429, "TooManyRequests")]
    public async Task EveryRequest_RefusedForAWhile_IsRepeated(int status, string code)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        stub.Fault = async context => First(seen, context.Request) && await S3Stub.RefuseAsync(context, status, code);
        await RoundTripAsync(small);
        await RoundTripAsync(large);
        Assert.True(seen.Count >= 8);
        Assert.Empty(stub.Uploads);
    }

    [Fact]
    public async Task EveryRequest_DoneButReportedLost_IsHarmlessWhenRepeated()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        stub.Fault = async context =>
        {
            if (!First(seen, context.Request))
                return false;
            // Uploads that nobody knows of stay behind, to be removed as stale.
            return await stub.ServeUnheardAsync(context);
        };
        await RoundTripAsync(small);
        await RoundTripAsync(large);
        Assert.Single(stub.Uploads);
        await store.RemoveUnfinishedAsync(TimeSpan.FromHours(1));
        Assert.Single(stub.Uploads);
        await store.RemoveUnfinishedAsync(TimeSpan.Zero);
        Assert.Empty(stub.Uploads);
    }

    [Fact]
    public async Task OpenAsync_CutInMidBody_GoesOnWhereItWasCut()
    {
        await store.PutBytesAsync(large);
        var cuts = 0;
        stub.Fault = async context =>
        {
            if (context.Request.Method != "GET" || cuts == 3)
                return false;
            cuts++;
            var from = (int)(context.Request.GetTypedHeaders().Range?.Ranges.Single().From ?? 0);
            context.Response.StatusCode = from == 0 ? 200 : 206;
            context.Response.ContentLength = large.Length - from;
            await context.Response.Body.WriteAsync(large.AsMemory(from, 5_000_000));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return true;
        };
        Assert.Equal(large, await store.ReadBytesAsync(Digest.Of(large)));
        Assert.Equal(3, cuts);
        Assert.Contains(stub.Requests, request => request.StartsWith("GETbytes=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EveryRequest_NeverAnswered_ThrowsUnavailableAfterItsPatience()
    {
        using var hasty = new S3ArtifactStore(stub.Location, copies, TimeSpan.FromMilliseconds(200));
        stub.Fault = async context =>
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => hasty.PutBytesAsync(small));
        Assert.Contains("s3://bucket/prefix", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => hasty.StatAsync(Digest.Of(small)));
    }

    [Fact]
    public async Task PutAsync_APartFailsForGood_ThrowsAndAborts()
    {
        using var hasty = new S3ArtifactStore(stub.Location, copies, TimeSpan.FromMilliseconds(300));
        stub.Fault = async context => context.Request.Query["partNumber"] == "2" && await S3Stub.RefuseAsync(context, 503, "SlowDown");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => hasty.PutBytesAsync(large));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => hasty.PutAsync(new MemoryStream(large), Digest.Of(large)));
        Assert.Empty(stub.Uploads);
        Assert.Empty(stub.Objects);
    }

    [Theory]
    [InlineData(403, "AccessDenied")]
    [InlineData(404, "NoSuchBucket")]
    public async Task PutAsync_Refused_ThrowsUnavailableAtOnceAndNamesTheCredentials(int status, string code)
    {
        stub.Fault = context => S3Stub.RefuseAsync(context, status, code);
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.PutBytesAsync(small));
        Assert.Contains("credentials", error.Message, StringComparison.Ordinal);
        Assert.Single(stub.Requests);
    }

    [Fact]
    public async Task PutAsync_ServerFull_ThrowsStoreFull()
    {
        stub.Fault = context => S3Stub.RefuseAsync(context, 507, "XMinioStorageFull");
        await Assert.ThrowsAsync<StoreFullException>(() => store.PutBytesAsync(small));
    }

    [Fact]
    public async Task PutAsync_BucketThatTakesNothingTwice_SucceedsWhereTheBytesAreThere()
    {
        await store.PutBytesAsync(small);
        stub.Fault = async context => context.Request.Method == "PUT" && await S3Stub.RefuseAsync(context, 412, "PreconditionFailed");
        Assert.Equal(Digest.Of(small), await store.PutBytesAsync(small));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.PutBytesAsync(small.AsMemory(1)));
    }

    [Fact]
    public async Task OpenAsync_WrongBytes_ThrowsDataLoss()
    {
        await store.PutBytesAsync(small);
        stub.Objects[S3Stub.KeyOf(Digest.Of(small))][7] ^= 1;
        await Assert.ThrowsAsync<DataLossException>(() => store.ReadBytesAsync(Digest.Of(small)));
    }

    /// <summary>Each kind of request once: method, subresource and part.</summary>
    private static bool First(HashSet<string> seen, HttpRequest request)
    {
        var kind = $"{request.Method} {string.Join(',', request.Query.Keys)} {request.Query["partNumber"]}";
        lock (seen)
            return seen.Add(kind);
    }

    private async Task RoundTripAsync(byte[] content)
    {
        var digest = Digest.Of(content);
        Assert.Equal(digest, (await store.PutAsync(new MemoryStream(content), digest)).Digest);
        Assert.Equal(content.Length, (await store.StatAsync(digest))?.SizeBytes);
        Assert.Equal(content, await store.ReadBytesAsync(digest));
    }
}
