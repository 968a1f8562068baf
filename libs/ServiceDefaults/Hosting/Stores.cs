using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Artifacts.S3;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults;

/// <summary>The stores that the options choose.</summary>
public static class Stores
{
    private const string Files = "files", ArtifactsKey = FewshotOptions.Section + ":" + nameof(FewshotOptions.Artifacts);

    /// <summary>Adds artifact store and artifact names.</summary>
    /// <exception cref="HostOptionsException">An option is wrong; the message names it and what it takes.</exception>
    internal static void AddStores(this IServiceCollection services, FewshotOptions options)
    {
        if (options.CacheBytes <= 0)
            throw new HostOptionsException("Fewshot:CacheBytes must be a number of bytes above 0.");
        AddProbes(services);
        var copies = new Lazy<LocalCopies>(() => new LocalCopies(Path.Combine(options.StateFolder, "copies"), options.CacheBytes));
        if (options.Artifacts == Files)
            AddFiles(services, options);
        else if (options.Artifacts.StartsWith("s3:", StringComparison.Ordinal))
            AddS3(services, options, copies);
        else
            AddRedis(services, options, copies);
    }

    private static void AddFiles(IServiceCollection services, FewshotOptions options)
    {
        services.AddSingleton<IArtifactStore>(_ => new FileArtifactStore(Path.Combine(options.StateFolder, "artifacts")));
        services.AddSingleton<IArtifactNames>(_ => new FileArtifactNames(Path.Combine(options.StateFolder, "names")));
    }

    private static void AddS3(IServiceCollection services, FewshotOptions options, Lazy<LocalCopies> copies)
    {
        S3Location location;
        try
        {
            location = S3Location.Parse(options.Artifacts) with { Region = Given(options.S3Region) };
        }
        catch (FormatException e)
        {
            throw new HostOptionsException($"{ArtifactsKey} is {e.Message}", e);
        }

        if (Given(options.S3Endpoint) is { } endpoint)
        {
            if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0)
                throw new HostOptionsException("Fewshot:S3Endpoint must be the address of an S3-speaking server, such as http://store:9000: nothing before the host but the scheme, nothing after the port.");
            location = location with { Endpoint = uri };
        }

        services.AddSingleton(_ => copies.Value);
        services.AddSingleton<IArtifactStore>(provider => new S3ArtifactStore(location, provider.GetRequiredService<LocalCopies>()));
        services.AddSingleton<IArtifactNames>(_ => new S3ArtifactNames(location));
    }

    private static void AddRedis(IServiceCollection services, FewshotOptions options, Lazy<LocalCopies> copies)
    {
        var address = options.RedisAt(options.Artifacts, ArtifactsKey, "files, s3://BUCKET[/PREFIX] or redis://HOST[:PORT][/DATABASE]");
        services.AddSingleton(_ => copies.Value);
        services.AddKeyedSingleton(ArtifactsKey, (_, _) => new RedisServer(address));
        services.AddSingleton<IArtifactStore>(provider =>
            new RedisArtifactStore(provider.GetRequiredKeyedService<RedisServer>(ArtifactsKey), provider.GetRequiredService<LocalCopies>()));
        services.AddSingleton<IArtifactNames>(provider => new RedisArtifactNames(provider.GetRequiredKeyedService<RedisServer>(ArtifactsKey)));
    }

    /// <summary>Both are asked for what is not there.</summary>
    private static void AddProbes(IServiceCollection services)
    {
        var nothing = Digest.Of("health"u8);
        services.AddSingleton(provider => new StoreProbe(ct => provider.GetRequiredService<IArtifactNames>().FindAsync("health/nothing", ct)));
        services.AddSingleton(provider => new StoreProbe(ct => provider.GetRequiredService<IArtifactStore>().StatAsync(nothing, ct)));
    }

    /// <summary>The address of a Redis server, with the user, password and authority that the options have for all.</summary>
    /// <param name="options">The options.</param>
    /// <param name="value">What was given; it is never shown, because it may hold a password.</param>
    /// <param name="key">The option it was given in.</param>
    /// <param name="accepted">What that takes.</param>
    /// <exception cref="HostOptionsException">It is wrong.</exception>
    public static RedisAddress RedisAt(this FewshotOptions options, string value, string key, string accepted)
    {
        if (!value.StartsWith("redis", StringComparison.Ordinal))
            throw new HostOptionsException($"{key} must be {accepted}.");
        try
        {
            var address = RedisAddress.Parse(value);
            if (Given(options.RedisAuthority) is { } authority && !File.Exists(authority))
                throw new HostOptionsException("Fewshot:RedisAuthority is not a file that can be read: give the PEM certificate of the authority.");
            return address with
            {
                User = address.User ?? Given(options.RedisUser), Password = address.Password ?? Given(options.RedisPassword), Authority = Given(options.RedisAuthority),
            };
        }
        catch (FormatException e)
        {
            throw new HostOptionsException($"{key} is {e.Message}", e);
        }
    }

    /// <summary>An empty variable says nothing.</summary>
    private static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;
}
