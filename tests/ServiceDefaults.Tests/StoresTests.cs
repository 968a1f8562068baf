using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Artifacts.S3;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class StoresTests : IDisposable
{
    private readonly StateFolder state = new();

    public void Dispose() => state.Dispose();

    [Theory]
    [InlineData("files", "files", typeof(FileStepLedger), typeof(FileArtifactStore), typeof(FileArtifactNames), null)]
    [InlineData("redis://cache", "redis://cache/0", typeof(RedisStepLedger), typeof(RedisArtifactStore), typeof(RedisArtifactNames), "redis://cache:6379/0")]
    [InlineData("rediss://cache:7000/2", "redis://other", typeof(RedisStepLedger), typeof(RedisArtifactStore), typeof(RedisArtifactNames), "rediss://cache:7000/2")]
    [InlineData("redis://cache", "s3://bucket/some/prefix", typeof(RedisStepLedger), typeof(S3ArtifactStore), typeof(S3ArtifactNames), "redis://cache:6379/0")]
    [InlineData("redis://cache", "files", typeof(RedisStepLedger), typeof(FileArtifactStore), typeof(FileArtifactNames), "redis://cache:6379/0")]
    public async Task AddFewshotDefaults_Settings_ChooseTheStores(string ledger, string artifacts, Type ledgerType, Type artifactsType, Type namesType, string? server)
    {
        await using var app = Build(("Ledger", ledger), ("Artifacts", artifacts), ("RedisUser", "fewshot"), ("RedisPassword", "secret"), ("S3Endpoint", "http://store:9000"), ("S3Region", ""));
        Assert.IsType(ledgerType, app.Services.GetRequiredService<IStepLedger>());
        Assert.IsType(artifactsType, app.Services.GetRequiredService<IArtifactStore>());
        Assert.IsType(namesType, app.Services.GetRequiredService<IArtifactNames>());
        var address = app.Services.GetService<RedisServer>()?.Address;
        Assert.Equal((server, server is null ? null : "fewshot", server is null ? null : "secret"), (address?.ToString(), address?.User, address?.Password));
    }

    [Theory]
    [InlineData("redis://:own@cache", "fewshot", "own")]
    [InlineData("redis://ada:own@cache", "ada", "own")]
    [InlineData("redis://ada@cache", "ada", "secret")]
    public async Task AddFewshotDefaults_AddressNamesUserOrPassword_ItsOwnCount(string ledger, string user, string password)
    {
        await using var app = Build(("Ledger", ledger), ("RedisUser", "fewshot"), ("RedisPassword", "secret"));
        var address = app.Services.GetRequiredService<RedisServer>().Address;
        Assert.Equal((user, password), (address.User, address.Password));
    }

    [Theory]
    [InlineData("Ledger", "postgres://db", "redis://HOST")]
    [InlineData("Ledger", "", "files")]
    [InlineData("Ledger", "redis://:secret@cache/jobs", "number of a database")]
    [InlineData("Artifacts", "https://bucket", "s3://BUCKET")]
    [InlineData("Artifacts", "s3://Bad_Bucket", "s3://BUCKET")]
    [InlineData("Artifacts", "s3://bucket/../other", "s3://BUCKET")]
    [InlineData("Artifacts", "redis://", "redis://HOST")]
    [InlineData("S3Endpoint", "store:9000", "http://store:9000")]
    [InlineData("S3Endpoint", "http://key:secret@store", "http://store:9000")]
    [InlineData("LeaseRenewal", "00:00:20", "LeaseDuration")]
    [InlineData("CacheBytes", "0", "above 0")]
    public void AddFewshotDefaults_WrongSetting_NamesItAndTheFix(string key, string value, string fix)
    {
        var error = Assert.Throws<HostOptionsException>(() => Build(key == "S3Endpoint" ? [("Artifacts", "s3://bucket"), (key, value)] : [(key, value)]));
        Assert.Contains("Fewshot:" + key, error.Message, StringComparison.Ordinal);
        Assert.Contains(fix, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    private WebApplication Build(params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create("Fewshot:" + setting.Key, (string?)setting.Value)));
        return builder.AddFewshotDefaults(options => (options.StateFolder, options.Listen) = (state.Path, "http://127.0.0.1:0")).Build();
    }
}
