using System.Net;
using Fewshot.GrpcTests.V1;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fewshot.GrpcTests;

/// <summary>The echo service on a Kestrel of its own at a free loopback port, and a channel to it.</summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EchoHost(WebApplication app, GrpcChannelOptions? options, string scheme)
    {
        _app = app;
        Port = new Uri(app.Urls.First()).Port;
        Channel = GrpcChannel.ForAddress($"{scheme}://127.0.0.1:{Port}", options ?? new GrpcChannelOptions());
        Client = new V1.EchoService.EchoServiceClient(Channel);
    }

    public static TimeSpan Patience => TimeSpan.FromSeconds(20);

    public int Port { get; }

    public GrpcChannel Channel { get; }

    public V1.EchoService.EchoServiceClient Client { get; }

    public CallProbe Probe => _app.Services.GetRequiredService<CallProbe>();

    public ErrorLog Errors => _app.Services.GetRequiredService<ErrorLog>();

    public IHostApplicationLifetime Lifetime => _app.Lifetime;

    public static async Task<EchoHost> StartAsync(
        Action<GrpcServiceOptions>? grpc = null,
        GrpcChannelOptions? channel = null,
        Action<WebApplicationBuilder>? build = null,
        Action<WebApplication>? map = null,
        Action<ListenOptions>? listen = null,
        string scheme = "http")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<ErrorLog>();
        builder.Services.AddSingleton<ILoggerProvider>(s => s.GetRequiredService<ErrorLog>());
        builder.Services.AddSingleton<CallProbe>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l =>
        {
            l.Protocols = HttpProtocols.Http2;
            listen?.Invoke(l);
        }));
        builder.Services.AddGrpc(grpc ?? (_ => { }));
        build?.Invoke(builder);
        var app = builder.Build();
        app.MapGrpcService<EchoService>();
        map?.Invoke(app);
        await app.StartAsync();
        return new EchoHost(app, channel, scheme);
    }

    /// <summary>A write whose answer may be the call's end, and may be back before the write returns.</summary>
    public static async Task WriteThoughItMayEndAsync<T>(IClientStreamWriter<T> stream, T message)
    {
        try
        {
            await stream.WriteAsync(message);
        }
        catch (RpcException)
        {
            // The response tells the same status, and the test looks there.
        }
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}

/// <summary>Keeps every error that the server logged.</summary>
internal sealed class ErrorLog : ILoggerProvider, ILogger
{
    private readonly List<string> _entries = [];

    public IReadOnlyList<string> Entries
    {
        get
        {
            lock (_entries)
                return [.. _entries];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        lock (_entries)
            _entries.Add($"{formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
