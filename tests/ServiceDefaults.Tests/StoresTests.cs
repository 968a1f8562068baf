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
    [InlineData("files", typeof(FileArtifactStore), typeof(FileArtifactNames))]
    [InlineData("redis://cache/0", typeof(RedisArtifactStore), typeof(RedisArtifactNames))]
    [InlineData("s3://bucket/some/prefix", typeof(S3ArtifactStore), typeof(S3ArtifactNames))]
    public async Task AddFewshotDefaults_Settings_ChooseTheStores(string artifacts, Type artifactsType, Type namesType)
    {
        await using var app = Build(("Artifacts", artifacts), ("S3Endpoint", "http://store:9000"), ("S3Region", ""));
        Assert.IsType(artifactsType, app.Services.GetRequiredService<IArtifactStore>());
        Assert.IsType(namesType, app.Services.GetRequiredService<IArtifactNames>());
    }

    [Theory]
    [InlineData("redis://cache", "fewshot", "secret")]
    [InlineData("redis://:own@cache", "fewshot", "own")]
    [InlineData("redis://ada:own@cache", "ada", "own")]
    [InlineData("redis://ada@cache", "ada", "secret")]
    public void RedisAt_AddressNamesUserOrPassword_ItsOwnCount(string value, string user, string password)
    {
        var options = new FewshotOptions { RedisUser = "fewshot", RedisPassword = "secret" };
        var address = options.RedisAt(value, "Gateway:Redis", "redis://HOST");
        Assert.Equal(("redis://cache:6379/0", user, password), (address.ToString(), address.User, address.Password));
    }

    [Theory]
    [InlineData("Artifacts", "", "files")]
    [InlineData("Artifacts", "redis://:secret@cache/jobs", "number of a database")]
    [InlineData("Artifacts", "https://bucket", "s3://BUCKET")]
    [InlineData("Artifacts", "s3://Bad_Bucket", "s3://BUCKET")]
    [InlineData("Artifacts", "s3://bucket/../other", "s3://BUCKET")]
    [InlineData("Artifacts", "redis://", "redis://HOST")]
    [InlineData("S3Endpoint", "store:9000", "http://store:9000")]
    [InlineData("S3Endpoint", "http://key:secret@store", "http://store:9000")]
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
