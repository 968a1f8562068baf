using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.ServiceDefaults;

/// <summary>What callers may do, as authorization policies.</summary>
public static class CallerPolicies
{
    /// <summary>The role of this process itself.</summary>
    internal const string Own = "own";

    /// <summary>For whom this host knows: the policy of a host of stages.</summary>
    public static AuthorizationPolicy Known { get; } = new AuthorizationPolicyBuilder(TenantAuthentication.SchemeName).RequireAuthenticatedUser().Build();

    /// <summary>For this process alone: the policy of what else a gateway's host serves, since stages read artifacts without asking whose they are.</summary>
    public static AuthorizationPolicy OwnOnly { get; } = new AuthorizationPolicyBuilder(TenantAuthentication.SchemeName).RequireAuthenticatedUser().RequireRole(Own).Build();

    /// <summary>Whatever says nothing of its own takes this policy.</summary>
    public static IServiceCollection AddFallbackPolicy(this IServiceCollection services, AuthorizationPolicy policy) =>
        services.Configure<AuthorizationOptions>(options => options.FallbackPolicy = policy);

    internal static void AddCallers(this IServiceCollection services, FewshotOptions options)
    {
        // Now, so that what is wrong keeps the host from starting.
        _ = new Callers(options, NullLogger<Callers>.Instance);
        if (!string.IsNullOrEmpty(options.AuditLog))
            AuditLog.Check(Path.GetFullPath(options.AuditLog));
        services.AddSingleton<Callers>();
        services.AddSingleton<AuditLog>();
        // Not AddAuthentication, which also makes keys for cookies and writes them to the home folder: nothing here needs any.
        services.AddAuthenticationCore(authentication => authentication.DefaultScheme = TenantAuthentication.SchemeName);
        services.AddWebEncoders();
        services.TryAddSingleton(TimeProvider.System);
        new AuthenticationBuilder(services).AddScheme<AuthenticationSchemeOptions, TenantAuthentication>(TenantAuthentication.SchemeName, _ => { });
        services.AddAuthorization();
        services.AddFallbackPolicy(Known);
    }
}
