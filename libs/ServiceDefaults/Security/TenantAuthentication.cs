using System.Security.Claims;
using System.Text.Encodings.Web;
using Grpc.Core;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Fewshot.ServiceDefaults;

/// <summary>Who calls, by bearer token or client certificate; refusals are gRPC statuses that say what to do.</summary>
internal sealed class TenantAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, Callers callers, AuditLog audit)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "tenant";
    private const string Bearer = "Bearer ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (!callers.Secured)
            return Task.FromResult(Known(Tenant.Local, own: true));
        var (tenant, why) = (default(Tenant), callers.Ask);
        var header = Request.Headers.Authorization;
        if (header.Count > 0)
        {
            if (header.Count > 1 || header[0] is not { } text || !text.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
                return Task.FromResult(AuthenticateResult.Fail("The metadata 'authorization' must be 'Bearer TOKEN', once."));
            var token = text[Bearer.Length..].Trim();
            if (callers.IsOwn(token))
                return Task.FromResult(Known(Tenant.Local, own: true));
            (tenant, why) = callers.ByToken(token);
        }
        else if (Context.Connection.ClientCertificate is { } certificate)
        {
            (tenant, why) = callers.ByCertificate(certificate);
        }

        return Task.FromResult(tenant is null ? AuthenticateResult.Fail(why) : Known(tenant, own: false));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Refuse(StatusCode.Unauthenticated, (await HandleAuthenticateOnceSafeAsync()).Failure?.Message ?? callers.Ask);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        Refuse(StatusCode.PermissionDenied, "This service is not for clients: a gateway takes jobs and artifacts, and calls the stages itself.");
        return Task.CompletedTask;
    }

    private AuthenticateResult Known(Tenant tenant, bool own)
    {
        Context.Features.Set(tenant);
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, tenant.Name)], SchemeName);
        if (own)
            identity.AddClaim(new Claim(ClaimTypes.Role, CallerPolicies.Own));
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    private void Refuse(StatusCode code, string detail)
    {
        var (address, port) = (Context.Connection.RemoteIpAddress, Context.Connection.RemotePort);
        audit.WriteRefusal(new AuditEntry(Context.Features.Get<Tenant>()?.Name ?? "-", $"{address}:{port}", Request.Path.Value ?? "", "", $"{code} {detail}"));
        Response.Refuse(code, detail);
    }
}
