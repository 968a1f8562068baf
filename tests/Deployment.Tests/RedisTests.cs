using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Grpc.Health.V1;
using Grpc.Net.Client;
using static Fewshot.Deployment.Tests.Manifests;
using static Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.Deployment.Tests;

/// <summary>A gateway over a Redis that was started as its pod starts it, and that goes away.</summary>
public sealed class RedisTests : IDisposable
{
    private const string Password = "0123456789abcdef";
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-redis-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [SkippableFact]
    public async Task Gateway_RedisGoesAndComes_IsAliveThroughoutAndReadyWithIt()
    {
        var manifests = Of("base");
        var (port, redisPort, health) = (ServiceProcess.FreePort(), ServiceProcess.FreePort(), ServiceProcess.FreePort());
        var variables = manifests.EnvironmentOf("gateway");
        variables["Fewshot__StateFolder"] = folder;
        variables["Fewshot__Listen"] = $"http://127.0.0.1:{port}";
        variables["Fewshot__HealthListen"] = $"http://127.0.0.1:{health}";
        variables["Gateway__Redis"] = variables["Gateway__Redis"]!.Replace("//redis:6379", $"//127.0.0.1:{redisPort}", StringComparison.Ordinal);
        variables["Fewshot__RedisPassword"] = Password;
        variables["Fewshot__Artifacts"] = "files";

        var redis = StartRedis(manifests, redisPort);
        try
        {
            using var gateway = new ServiceProcess("Gateway", variables);
            using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{health}");
            await ServiceProcess.ServesAsync(gateway, channel, "liveness");
            await BecomesAsync(channel, Serving);
            redis.Kill();
            await redis.WaitForExitAsync();
            await BecomesAsync(channel, NotServing);
            Assert.Equal(Serving, await ServiceProcess.ServesAsync(gateway, channel, "liveness"));
            redis.Dispose();
            redis = StartRedis(manifests, redisPort);
            await BecomesAsync(channel, Serving);
            gateway.Stop();
            Assert.Equal(0, (await gateway.EndAsync()).ExitCode);
        }
        finally
        {
            redis.Kill();
            await redis.WaitForExitAsync();
            redis.Dispose();
        }
    }

    [SkippableTheory]
    [InlineData("base")]
    [InlineData("gpu-pool")]
    public void Redis_Memory_HasRoomForARewrite(string overlay)
    {
        var redis = Container(Of(overlay)["StatefulSet", "redis"]);
        var arguments = redis["args"].Items.Select(argument => argument.Text!.Split(' ', 2))
            .ToDictionary(argument => argument[0], argument => argument[1]);
        Assert.Equal("noeviction", arguments["--maxmemory-policy"]);
        Assert.Equal("yes", arguments["--appendonly"]);
        var megabytes = arguments["--maxmemory"].Replace("mb", "", StringComparison.Ordinal);
        var most = double.Parse(megabytes, CultureInfo.InvariantCulture) * 1024 * 1024;
        // Twice the data while it rewrites its file, and a quarter of it for buffers and fragmentation.
        Assert.True(redis.At("resources/limits/memory").Bytes >= 2.25 * most);
        Assert.Equal(redis.At("resources/limits/memory").Bytes, redis.At("resources/requests/memory").Bytes);
    }

    private Process StartRedis(Manifests manifests, int port)
    {
        var arguments = Container(manifests["StatefulSet", "redis"])["args"].Items.Select(argument => argument.Text!
            .Replace("$(REDIS_PASSWORD)", Password, StringComparison.Ordinal).Replace("--dir /data", $"--dir {folder}", StringComparison.Ordinal));
        try
        {
            return Process.Start(new ProcessStartInfo("redis-server", [.. arguments, "--bind 127.0.0.1", string.Create(CultureInfo.InvariantCulture, $"--port {port}")])
            {
                UseShellExecute = false, RedirectStandardOutput = true,
            })!;
        }
        catch (Win32Exception)
        {
            Skip.If(true, "redis-server is not on the PATH");
            throw;
        }
    }

    private static async Task BecomesAsync(GrpcChannel channel, HealthCheckResponse.Types.ServingStatus expected)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while ((await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = "readiness" }, deadline: deadline)).Status != expected)
            await Task.Delay(50);
    }
}
