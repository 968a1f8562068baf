using System.Text;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class TenantFileTests : IDisposable
{
    private static readonly string Digest = BearerToken.DigestOf("token");
    private readonly StateFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Add_ManyAtTheSameMoment_LosesNone()
    {
        var path = Path.Combine(folder.Path, "tokens.json");
        string[] tokens = [.. Enumerable.Range(0, 32).Select(_ => BearerToken.New())];
        Parallel.ForEach(tokens, new ParallelOptions { MaxDegreeOfParallelism = 8 }, token => TenantFile.Add(path, "acme", token));
        var known = TenantFile.Read(path);
        Assert.All(tokens, token => Assert.NotNull(known.Find(BearerToken.HashOf(token))));
    }

    [Fact]
    public void Parse_WholeFile_KnowsTenantsTokensAndLimits()
    {
        var known = Parse($$"""
            // Comments are fine.
            {"tenants": [
              {"name": "acme", "tokens": ["{{Digest}}", "{{BearerToken.DigestOf("second")}}"], "maxUnfinishedJobs": 3, "maxRunningJobs": 2, "maxArtifactBytes": 5000000000, "maxStreams": 4},
              {"name": "b.2-c", "tokens": []},
            ]}
            """);
        Assert.Equal(2, known.Count);
        Assert.Equal(new Tenant("acme") { MaxUnfinishedJobs = 3, MaxRunningJobs = 2, MaxArtifactBytes = 5_000_000_000, MaxStreams = 4 }, known.Find(BearerToken.HashOf("second")));
        Assert.Equal(new Tenant("b.2-c"), known.Find("b.2-c"));
        Assert.Null(known.Find(BearerToken.HashOf("third")));
    }

    [Theory]
    [InlineData("", "$")]
    [InlineData("null", "must hold")]
    [InlineData("[]", "$")]
    [InlineData("{}", "$")]
    [InlineData("""{"tenants": [{"tokens": []}]}""", "$.tenants[0]")]
    [InlineData("""{"tenants": [{"name": "a", "tokens": [], "maxJobs": 1}]}""", "$.tenants[0].maxJobs")]
    [InlineData("""{"tenants": [{"name": "a", "tokens": [], "maxStreams": "x"}]}""", "$.tenants[0].maxStreams")]
    [InlineData("""{"tenants": [{"name": "Acme", "tokens": []}]}""", "tenants[0].name must be")]
    [InlineData("""{"tenants": [{"name": "../a", "tokens": []}]}""", "tenants[0].name must be")]
    [InlineData("""{"tenants": [{"name": "a", "tokens": []}, {"name": "a", "tokens": []}]}""", "tenants[1].name: 'a' is there twice")]
    [InlineData("""{"tenants": [{"name": "a", "tokens": ["fewshot_secret"]}]}""", "tenants[0].tokens[0] must be the digest")]
    [InlineData("""{"tenants": [{"name": "a", "tokens": [], "maxRunningJobs": 0}]}""", "tenants[0].maxRunningJobs must be above 0")]
    public void Parse_Broken_NamesTheField(string content, string named)
    {
        var error = Assert.Throws<FormatException>(() => Parse(content)).Message;
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.DoesNotContain("fewshot_secret", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_TokenOfTwoTenants_IsRefused() => Assert.Contains("tenants[1].tokens[0] is there twice", Assert.Throws<FormatException>(() =>
        Parse($$"""{"tenants": [{"name": "a", "tokens": ["{{Digest}}"]}, {"name": "b", "tokens": ["{{Digest}}"]}]}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void New_Tokens_HaveTheirBitsAndDiffer()
    {
        var token = BearerToken.New();
        Assert.StartsWith(BearerToken.Prefix, token, StringComparison.Ordinal);
        Assert.Equal(BearerToken.Prefix.Length + 43, token.Length);
        Assert.NotEqual(token, BearerToken.New());
        Assert.Matches("^sha256:[0-9a-f]{64}$", BearerToken.DigestOf(token));
    }

    private static KnownTenants Parse(string content) => TenantFile.Parse(Encoding.UTF8.GetBytes(content));
}
