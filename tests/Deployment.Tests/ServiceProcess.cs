using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Fewshot.Deployment.Tests;

/// <summary>One of the five as a process of its own, with the variables that its pod gets.</summary>
internal sealed partial class ServiceProcess : IDisposable
{
    private const int Terminate = 15;
    private readonly Process process;
    private readonly Task<string> output, errors;

    public ServiceProcess(string project, IReadOnlyDictionary<string, string?> variables, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"Fewshot.{project}.dll"), .. arguments])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var (key, value) in variables)
            start.Environment[key] = value;
        process = Process.Start(start)!;
        (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>What the service says of its health once it listens.</summary>
    public static async Task<HealthCheckResponse.Types.ServingStatus> ServesAsync(ServiceProcess process, GrpcChannel channel, string name)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (true)
        {
            try
            {
                return (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = name }, deadline: deadline)).Status;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable && DateTime.UtcNow < deadline && !process.HasExited)
            {
                // It does not listen yet.
                await Task.Delay(50);
            }
        }
    }

    public bool HasExited => process.HasExited;

    /// <summary>What Kubernetes sends first.</summary>
    public void Stop() => Assert.Equal(0, Kill(process.Id, Terminate));

    public async Task<(int ExitCode, string Output, string Errors)> EndAsync()
    {
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        return (process.ExitCode, await output, await errors);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
