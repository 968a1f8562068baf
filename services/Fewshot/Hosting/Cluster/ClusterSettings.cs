namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>Where a cluster on this machine keeps what its services share.</summary>
internal enum ClusterStores
{
    /// <summary>A Redis server and an S3 server, started with it: as on Kubernetes.</summary>
    Servers,

    /// <summary>Files of the state folder, which all processes of one machine can share.</summary>
    Files,
}

/// <summary>What a cluster on this machine is made of.</summary>
/// <param name="Workers">Of each kind.</param>
/// <param name="Gateways">Which take over each other's jobs.</param>
/// <param name="Listen">The first gateway's address.</param>
/// <param name="State">Folder of everything that the cluster's processes write, their logs too.</param>
/// <param name="Threads">CPU threads of each worker.</param>
internal sealed record ClusterSettings(int Workers, int Gateways, Uri Listen, string State, ClusterStores Stores, int Threads);
