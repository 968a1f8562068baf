using System.Net;

namespace Fewshot.Gateway.Grpc;

/// <summary>One worker: a URL, and the address of the one behind that name where there are several.</summary>
public sealed record WorkerEndpoint(Uri Url, IPAddress? Address)
{
    /// <summary>The endpoint that a text of <see cref="ToString"/> stands for.</summary>
    public static WorkerEndpoint Parse(string text) => text.Split(' ', 2) is [var url, var address]
        ? new WorkerEndpoint(new Uri(url), IPAddress.Parse(address))
        : new WorkerEndpoint(new Uri(text), Address: null);

    /// <summary>The name of the worker's place, the same at every gateway.</summary>
    public override string ToString() => Address is null ? Url.ToString() : $"{Url} {Address}";
}
