using System.Net.Http.Headers;

namespace Fewshot.ServiceDefaults;

/// <summary>Sends a bearer token with every call.</summary>
/// <param name="token">The token now; it may change between calls.</param>
/// <param name="inner">Makes the calls.</param>
public sealed class BearerTokenHandler(Func<string> token, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token());
        return base.SendAsync(request, cancellationToken);
    }
}
