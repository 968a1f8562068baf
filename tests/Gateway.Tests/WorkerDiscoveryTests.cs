using System.Net;
using System.Net.Sockets;
using Fewshot.Gateway.Grpc;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.Gateway.Tests;

public sealed class WorkerDiscoveryTests
{
    [Theory]
    [InlineData("http://127.0.0.1:1/", null)]
    [InlineData("https://block-trial:5210/", "10.0.0.1")]
    [InlineData("https://block-trial:5210/", "fd00::1")]
    public void Endpoint_AsText_IsReadBack(string url, string? address)
    {
        var endpoint = new WorkerEndpoint(new Uri(url), address is null ? null : IPAddress.Parse(address));
        Assert.Equal(endpoint, WorkerEndpoint.Parse(endpoint.ToString()));
    }

    [Fact]
    public async Task FindAsync_Name_StandsForAllItsAddressesOfOneFamily()
    {
        IPAddress[] addresses = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2"), IPAddress.IPv6Loopback];
        var discovery = new WorkerDiscovery(NullLogger<WorkerDiscovery>.Instance, (_, _) => Task.FromResult(addresses));
        Uri[] urls = [new("http://block-trial:5210"), new("http://127.0.0.1:7"), new("http://localhost:8")];

        var found = await discovery.FindAsync(urls, [], CancellationToken.None);

        Assert.Equal([new(urls[0], addresses[0]), new(urls[0], addresses[1]), new(urls[1], null), new(urls[2], null)], found);
    }

    [Fact]
    public async Task FindAsync_NameServerFails_KeepsWhatWasKnown_NobodyThereIsNobody()
    {
        var error = SocketError.TryAgain;
        var discovery = new WorkerDiscovery(NullLogger<WorkerDiscovery>.Instance, (_, _) => throw new SocketException((int)error));
        WorkerEndpoint known = new(new Uri("http://block-trial:5210"), IPAddress.Parse("10.0.0.1"));

        Assert.Equal([known], await discovery.FindAsync([known.Url], [known], CancellationToken.None));
        error = SocketError.HostNotFound;
        Assert.Empty(await discovery.FindAsync([known.Url], [known], CancellationToken.None));
    }
}
