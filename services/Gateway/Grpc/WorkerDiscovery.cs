using System.Net;
using System.Net.Sockets;

namespace Fewshot.Gateway.Grpc;

/// <summary>
/// Which workers the configured URLs stand for. A name may have an address for each worker, as a headless Kubernetes service does, and other ones
/// whenever it is asked again.
/// </summary>
/// <param name="resolve">The addresses of a host name; <see cref="Dns"/> where null.</param>
public sealed partial class WorkerDiscovery(ILogger<WorkerDiscovery> logger, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
{
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> resolve = resolve ?? Dns.GetHostAddressesAsync;

    /// <summary>Whether the workers behind a URL can change.</summary>
    public static bool IsName(Uri url) => url.HostNameType == UriHostNameType.Dns && !url.IsLoopback;

    /// <summary>The workers behind the URLs now. A name that has no address stands for none; one that cannot be asked about keeps those it had.</summary>
    public async Task<IReadOnlyCollection<WorkerEndpoint>> FindAsync(IEnumerable<Uri> urls, IReadOnlyCollection<WorkerEndpoint> before, CancellationToken ct)
    {
        List<WorkerEndpoint> found = [];
        foreach (var url in urls)
        {
            if (!IsName(url))
            {
                found.Add(new WorkerEndpoint(url, null));
                continue;
            }

            try
            {
                var addresses = await resolve(url.DnsSafeHost, ct);
                // A worker of two families has an address of each: it is one worker.
                found.AddRange(addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).Distinct().Select(address => new WorkerEndpoint(url, address)));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData)
            {
                LogNobody(url.Host);
            }
            catch (SocketException e)
            {
                LogUnknown(url.Host, e.SocketErrorCode);
                found.AddRange(before.Where(endpoint => endpoint.Url == url));
            }
        }

        return found;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "No worker is behind {Host} yet")]
    private partial void LogNobody(string host);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Host} cannot be resolved ({Error}); its workers are taken to be those known")]
    private partial void LogUnknown(string host, SocketError error);
}
