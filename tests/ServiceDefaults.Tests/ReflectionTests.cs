using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>Reflection as tools such as grpcurl ask for it.</summary>
public sealed class ReflectionTests : IDisposable
{
    private readonly StateFolder state = new();

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task ListServices_LoopbackAddress_NamesTheServicesAndTheirMessages()
    {
        await using var host = await SecuredHost.StartAsync(state, _ => { });
        using var channel = SecuredHost.Connect(host.Address, token: null);
        Assert.Contains("fewshot.stages.v1.StepService", await ServicesAsync(channel));
        var described = await AskAsync(channel, new ServerReflectionRequest { FileContainingSymbol = "fewshot.stages.v1.StepService" });
        Assert.NotEmpty(described.FileDescriptorResponse.FileDescriptorProto);
    }

    [Fact]
    public async Task ListServices_CallersMustBeKnown_NeedsAToken()
    {
        var tokens = Path.Combine(state.Path, "tokens.json");
        var token = BearerToken.New();
        TenantFile.Add(tokens, "ada", token);
        await using var host = await SecuredHost.StartAsync(state, options => options.Tokens = tokens);
        using var stranger = SecuredHost.Connect(host.Address, token: null);
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => ServicesAsync(stranger))).StatusCode);
        using var known = SecuredHost.Connect(host.Address, token);
        Assert.Contains("fewshot.stages.v1.StepService", await ServicesAsync(known));
    }

    [Fact]
    public async Task ListServices_AddressForStrangers_IsNotServed()
    {
        await using var host = await SecuredHost.StartAsync(
            state, options => (options.Listen, options.Insecure) = ("http://0.0.0.0:0", true));
        using var channel = SecuredHost.Connect($"http://127.0.0.1:{new Uri(host.Address).Port}", token: null);
        var refused = await Assert.ThrowsAsync<RpcException>(() => ServicesAsync(channel));
        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
        Assert.Equal(StatusCode.OK, (await SecuredHost.AskAsync(channel)).StatusCode);
    }

    private static async Task<string[]> ServicesAsync(GrpcChannel channel) =>
        [.. (await AskAsync(channel, new() { ListServices = "" })).ListServicesResponse.Service.Select(service => service.Name)];

    private static async Task<ServerReflectionResponse> AskAsync(GrpcChannel channel, ServerReflectionRequest request)
    {
        var client = new ServerReflection.ServerReflectionClient(channel);
        using var call = client.ServerReflectionInfo(deadline: DateTime.UtcNow.AddSeconds(30));
        await call.RequestStream.WriteAsync(request);
        Assert.True(await call.ResponseStream.MoveNext(default));
        var answer = call.ResponseStream.Current;
        await call.RequestStream.CompleteAsync();
        return answer;
    }
}
