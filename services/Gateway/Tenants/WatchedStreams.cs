using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tenants;

/// <summary>Counts the streams that each tenant has open at this gateway.</summary>
public sealed class WatchedStreams
{
    private readonly Dictionary<string, int> open = new(StringComparer.Ordinal);

    /// <summary>Opens one; dispose when it ends.</summary>
    /// <exception cref="QuotaExceededException">The tenant has as many as it may have.</exception>
    public IDisposable Open(Tenant tenant)
    {
        lock (open)
        {
            var count = open.GetValueOrDefault(tenant.Name);
            if (count >= tenant.MaxStreams)
                throw new QuotaExceededException($"This tenant watches {count} jobs here; its limit is {tenant.MaxStreams}: end another watch first.");
            open[tenant.Name] = count + 1;
        }

        return new Stream(this, tenant.Name);
    }

    private sealed class Stream(WatchedStreams streams, string tenant) : IDisposable
    {
        private int ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) != 0)
                return;
            lock (streams.open)
            {
                if (--streams.open[tenant] == 0)
                    streams.open.Remove(tenant);
            }
        }
    }
}
