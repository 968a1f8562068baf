using System.Net;
using System.Net.Sockets;
using Fewshot.Artifacts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>What every service's host has: listener, stores, error mapping, health, telemetry, logs, steps.</summary>
public static partial class FewshotHost
{
    /// <summary>Reads the options and sets up everything but the services themselves.</summary>
    /// <param name="builder">The host in the making.</param>
    /// <param name="configure">Changes options after the configuration has been read.</param>
    /// <exception cref="HostOptionsException">The listen address is refused, a store's is none, or the state folder cannot be used.</exception>
    public static WebApplicationBuilder AddFewshotDefaults(this WebApplicationBuilder builder, Action<FewshotOptions>? configure = null)
    {
        var options = new FewshotOptions();
        OptionsSection.Read(builder.Configuration, options);
        configure?.Invoke(options);
        Listener.CheckLimits(options);
        if (options.SelfTestDevice is not (null or "" or "cpu" or "cuda"))
            throw new HostOptionsException("Fewshot:SelfTestDevice must be cpu or cuda, or empty.");
        var listen = ListenAddress.From(options);
        var health = ListenAddress.HealthFrom(options);
        options.StateFolder = Prepare(options.StateFolder);

        // Where the main port is plain, one beside it may still speak TLS (SidePort).
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Listener.Configure(kestrel, listen, options);
            if (health is not null)
                HealthPort.Listen(kestrel, health);
        });
        builder.Logging.ClearProviders().AddConsole(console =>
        {
            console.FormatterName = builder.Configuration["Logging:Console:FormatterName"] ?? LineConsoleFormatter.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        }).AddConsoleFormatter<LineConsoleFormatter, Microsoft.Extensions.Logging.Console.ConsoleFormatterOptions>();
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter(typeof(TenantAuthentication).FullName, LogLevel.Warning)
            .AddFilter("Grpc", LogLevel.Warning).AddFilter(UnreadableMessages.LoggedElsewhere, LogLevel.None);

        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout);
        builder.Services.AddSingleton(options);
        builder.Services.AddStores(options);
        builder.Services.AddCallers(options);
        builder.Services.AddSingleton<ErrorTranslator>();
        builder.Services.AddSingleton<StepJournal>();
        builder.Services.AddSingleton<HeavyStepGate>();
        builder.Services.AddSingleton<StepRunner>();
        builder.Services.AddHostedService<StepDrain>();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxMessageBytes;
            grpc.Interceptors.Add<ErrorMappingInterceptor>();
        });
        builder.Services.AddProbes();
        builder.Services.AddAnonymousLimit();
        builder.Services.AddGrpcReflection();
        builder.AddTelemetry();
        return builder;
    }

    /// <summary>Maps health, the steps' own service and, on a loopback address, reflection for tools such as grpcurl.</summary>
    public static WebApplication MapFewshotDefaults(this WebApplication app)
    {
        app.Use(HealthPort.Guard);
        app.UseMiddleware<UnreadableMessages>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
        app.MapProbes();
        app.MapGrpcService<StepGrpcService>();
        if (IPAddress.IsLoopback(ListenAddress.From(app.Services.GetRequiredService<FewshotOptions>()).Address))
            app.MapGrpcReflectionService().RequireAuthorization(CallerPolicies.Known);
        return app;
    }

    /// <summary>Runs a deployable: a host until it is told to stop, or its help.</summary>
    /// <returns>The process's exit code: 0, 1 when the host could not start, 2 when the command line is wrong.</returns>
    public static async Task<int> RunHostAsync(string[] args, HostHelp help, Func<WebApplication> build)
    {
        if (args.Any(argument => argument is "--help" or "-h" or "-?"))
        {
            await Console.Out.WriteAsync(help.ToString());
            return 0;
        }

        if (help.Refuses(args) is { } wrong)
        {
            await Console.Error.WriteLineAsync("error: " + wrong);
            return 2;
        }

        return await RunHostAsync(build);
    }

    /// <summary>Runs a host until it is told to stop. What keeps it from starting is said in one line, not as a stack trace.</summary>
    /// <returns>The process's exit code: 0, or 1 when the host could not start.</returns>
    public static async Task<int> RunHostAsync(Func<WebApplication> build)
    {
        try
        {
            await using var app = build();
            await app.StartAsync();
            LogListening(app.Logger, string.Join(", ", app.Urls));
            await app.WaitForShutdownAsync();
            return 0;
        }
        catch (HostOptionsException e)
        {
            await Console.Error.WriteLineAsync("error: " + e.Message);
        }
        catch (IOException e) when (IsAddressInUse(e))
        {
            await Console.Error.WriteLineAsync("error: the listen address is in use by another program: choose another with --Fewshot:Listen=http://127.0.0.1:PORT.");
        }
        return 1;
    }

    /// <summary>Whether a host failed to start because its address is taken.</summary>
    public static bool IsAddressInUse(Exception? e) => e switch
    {
        null => false,
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => true,
        _ => e is Microsoft.AspNetCore.Connections.AddressInUseException || IsAddressInUse(e.InnerException),
    };

    private static string Prepare(string folder)
    {
        try
        {
            var path = DurableFolder.CreatePrivate(folder);
            // Creating an existing folder succeeds whoever owns it; writing does not.
            File.Create(Path.Combine(path, $".probe-{Guid.NewGuid():n}"), 1, FileOptions.DeleteOnClose).Dispose();
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new HostOptionsException($"The state folder '{LogText.Escape(folder)}' cannot be written: choose another with Fewshot:StateFolder.", e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Listening on {Addresses}")]
    private static partial void LogListening(ILogger logger, string addresses);
}
