using System.Net.Security;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Grpc;

/// <summary>How this gateway shows workers who it is, and which of them it trusts.</summary>
public sealed class WorkerCredentials
{
    private readonly GatewayOptions options;
    private readonly Callers callers;
    private readonly OwnAddress own;
    private readonly Func<string>? token;

    /// <summary>Reads what the options name.</summary>
    /// <exception cref="HostOptionsException">
    /// A file or an address cannot be used, or the token would be sent in the clear; the message names the option.
    /// </exception>
    public WorkerCredentials(GatewayOptions options, Callers callers, OwnAddress own)
    {
        (this.options, this.callers, this.own) = (options, callers, own);
        if (!string.IsNullOrEmpty(options.WorkerTokenFile))
            token = new TokenInFile(options.WorkerTokenFile, "Gateway:WorkerTokenFile").Read;
        else if (!string.IsNullOrEmpty(options.WorkerToken))
            token = () => options.WorkerToken;
        var inTheClear = options.WorkerAddresses().FirstOrDefault(worker => worker.Scheme == Uri.UriSchemeHttp && !worker.IsLoopback);
        if (token is not null && inTheClear is not null)
        {
            throw new HostOptionsException(
                $"Gateway:WorkerToken would be sent to {inTheClear.Authority} in the clear: use https:// there, or remove the token.");
        }

        // To find out now what is wrong with them.
        Configure(new SslClientAuthenticationOptions());
    }

    /// <summary>Completes the connections to a worker.</summary>
    public HttpMessageHandler Complete(SocketsHttpHandler handler, Uri worker)
    {
        if (worker == own.Url)
        {
            handler.SslOptions.RemoteCertificateValidationCallback =
                (_, certificate, _, errors) => errors == SslPolicyErrors.None || own.IsOwnCertificate(certificate);
            return new BearerTokenHandler(() => callers.OwnToken, handler);
        }

        Configure(handler.SslOptions);
        return token is null ? handler : new BearerTokenHandler(token, handler);
    }

    private void Configure(SslClientAuthenticationOptions tls)
    {
        if (!string.IsNullOrEmpty(options.WorkerAuthority))
            tls.Trust(options.WorkerAuthority, "Gateway:WorkerAuthority");
        if (!string.IsNullOrEmpty(options.WorkerCertificate))
            tls.Present(options.WorkerCertificate, options.WorkerCertificateKey, "Gateway:WorkerCertificate");
    }
}
