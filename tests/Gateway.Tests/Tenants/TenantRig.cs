using System.Text.Json;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>A gateway that knows the tenants a and b, each by a token of its own name.</summary>
internal static class TenantRig
{
    public static async Task<GatewayRig> StartedAsync(string ledger = "files", string? folder = null, Action<GatewayOptions>? configure = null, object? limits = null)
    {
        var rig = new GatewayRig(ledger, folder) { Token = "a" };
        var tokens = Path.Combine(rig.Folder, "tokens.json");
        WriteTokens(tokens, limits);
        rig.Defaults = options => options.Tokens = tokens;
        await rig.StartAsync(configure);
        return rig;
    }

    /// <summary>What the gateway answers a tenant, whose token is the current one afterwards.</summary>
    public static async Task<T> AsAsync<T>(this GatewayRig rig, string tenant, Func<Task<T>> call)
    {
        rig.Token = tenant;
        return await call();
    }

    public static async Task<Status> StatusAsync<T>(this GatewayRig rig, string tenant, Func<AsyncUnaryCall<T>> call)
    {
        rig.Token = tenant;
        return (await Assert.ThrowsAsync<RpcException>(() => call().ResponseAsync)).Status;
    }

    private static void WriteTokens(string path, object? limits)
    {
        var a = JsonSerializer.SerializeToNode(limits ?? new { })!.AsObject();
        a["name"] = "a";
        a["tokens"] = JsonSerializer.SerializeToNode(new[] { BearerToken.DigestOf("a") });
        File.WriteAllText(path, JsonSerializer.Serialize(new { tenants = new object[] { a, new { name = "b", tokens = new[] { BearerToken.DigestOf("b") } }, new { name = "local", tokens = new[] { BearerToken.DigestOf("local") } } } }));
    }
}
