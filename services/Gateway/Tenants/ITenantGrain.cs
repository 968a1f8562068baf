namespace Fewshot.Gateway.Tenants;

/// <summary>
/// A tenant at all gateways together, by its name: the artifacts that it may see, bytes that uploads under way will need, workers that its
/// inputs have lost, and time that its steps have used. Artifacts are kept before a call returns; losses and time are, but for the last
/// seconds before a silo dies; uploads reserve their bytes again when they next renew them.
/// </summary>
[Alias("fewshot.tenant")]
public interface ITenantGrain : IGrainWithStringKey
{
    /// <summary>Whether the tenant may see an artifact.</summary>
    [Alias("sees")]
    Task<bool> SeesAsync(string digest);

    /// <summary>Shows the tenant artifacts that count no bytes, because its jobs read or made them.</summary>
    [Alias("show")]
    Task ShowAsync(string[] digests);

    /// <summary>Forgets artifacts, and the bytes that their uploads counted.</summary>
    [Alias("hide")]
    Task HideAsync(string[] digests);

    /// <summary>Bytes of the tenant's uploads.</summary>
    [Alias("uploaded")]
    Task<long> UploadedBytesAsync();

    /// <summary>
    /// Reserves an upload's bytes, or renews them; what is not renewed for <see cref="TenantGrain.ReservationLife"/> lapses.
    /// </summary>
    /// <returns>Null, or how many bytes are stored and reserved where the upload would exceed the limit.</returns>
    [Alias("reserve")]
    Task<long?> ReserveAsync(Guid upload, long sizeBytes, long limit);

    /// <summary>Shows the tenant an upload that is stored, counts its bytes, each artifact's once, and ends the reservation.</summary>
    /// <returns>Null, or how many bytes are stored where the upload would exceed the limit.</returns>
    [Alias("stored")]
    Task<long?> StoredAsync(Guid upload, string digest, long sizeBytes, long? limit);

    /// <summary>Ends a reservation.</summary>
    [Alias("drop")]
    Task DropAsync(Guid upload);

    /// <summary>The workers that inputs have lost, and the time that the tenant has used.</summary>
    [Alias("standing")]
    Task<TenantStanding> StandingAsync(string inputs);

    /// <summary>Adds to the seconds of workers' time that the tenant has used.</summary>
    [Alias("spend")]
    Task SpendAsync(double seconds);

    /// <summary>Notes losses in the place of those before; a count of 0 forgets them.</summary>
    [Alias("lost")]
    Task NoteLossesAsync(string inputs, WorkerLosses losses);
}

/// <summary>Workers that were lost with the same inputs.</summary>
/// <param name="Count">How many.</param>
/// <param name="Until">When they are forgotten.</param>
/// <param name="Last">What the last one was lost with.</param>
[GenerateSerializer, Immutable]
public sealed record WorkerLosses([property: Id(0)] int Count, [property: Id(1)] DateTimeOffset Until, [property: Id(2)] string Last);

/// <summary>What counts for and against a tenant's next step.</summary>
/// <param name="Losses">Workers that its inputs have lost; null where there are none, or none recently.</param>
/// <param name="UsedSeconds">Of workers' time within the last 24 hours.</param>
[GenerateSerializer, Immutable]
public sealed record TenantStanding([property: Id(0)] WorkerLosses? Losses, [property: Id(1)] double UsedSeconds);
