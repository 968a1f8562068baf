using Grpc.Health.V1;
using Grpc.Net.Client;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>The deployables themselves, started as their pods start them.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-deployment-").FullName;

    public static TheoryData<string> Deployables => new([.. Programs.Keys]);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [SkippableTheory]
    [MemberData(nameof(Deployables))]
    public async Task Service_WithItsPodSVariables_AnswersItsProbesAndEndsOnSigterm(string service)
    {
        var manifests = Of("local");
        // 'local' has no pool; what its workers get does for one.
        var deployment = service == "worker" ? "finetuner" : service;
        var variables = manifests.EnvironmentOf(deployment);
        var (main, health) = (ServiceProcess.FreePort(), ServiceProcess.FreePort());
        variables["Fewshot__StateFolder"] = folder;
        variables["Fewshot__Listen"] = variables["Fewshot__Listen"]!.Replace(":5210", $":{main}", StringComparison.Ordinal);
        variables["Fewshot__HealthListen"] = variables["Fewshot__HealthListen"]!.Replace(":5211", $":{health}", StringComparison.Ordinal);
        using var process = new ServiceProcess(Programs[service], variables);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{health}");
        var probes = Container(manifests["Deployment", deployment]);
        foreach (var probe in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await ServiceProcess.ServesAsync(process, channel, probes.At($"{probe}/grpc/service").Text!));
        process.Stop();
        var (exitCode, _, errors) = await process.EndAsync();
        Assert.True(exitCode == 0, errors);
        Assert.Contains($"http://0.0.0.0:{main}, http://0.0.0.0:{health}", errors, StringComparison.Ordinal);
        Assert.DoesNotContain(" error ", errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Worker_WithoutTheDeviceItShallTest_LivesButNeverStarts()
    {
        var variables = Of("local").EnvironmentOf("finetuner");
        var health = ServiceProcess.FreePort();
        variables["Fewshot__StateFolder"] = folder;
        variables["Fewshot__Listen"] = $"http://127.0.0.1:{ServiceProcess.FreePort()}";
        variables["Fewshot__HealthListen"] = $"http://127.0.0.1:{health}";
        // These tests are built with libtorch for the CPU.
        variables["Fewshot__SelfTestDevice"] = "cuda";
        using var process = new ServiceProcess("Worker", variables);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{health}");
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await ServiceProcess.ServesAsync(process, channel, "liveness"));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await ServiceProcess.ServesAsync(process, channel, "startup"));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await ServiceProcess.ServesAsync(process, channel, "readiness"));
        process.Stop();
        var (exitCode, _, errors) = await process.EndAsync();
        Assert.True(exitCode == 0, errors);
        Assert.Contains("The self-test on cuda failed: libtorch finds no usable CUDA device", errors, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Deployables))]
    public async Task Service_Help_NamesTheVariablesOfItsPod(string service)
    {
        var variables = Of(service == "worker" ? "gpu-pool" : "gpu").EnvironmentOf(service).Keys
            .Where(key => key.Split("__")[0] is "Fewshot" or "Gateway").ToArray();
        using var process = new ServiceProcess(Programs[service], new Dictionary<string, string?>(StringComparer.Ordinal), "--help");
        var (exitCode, output, _) = await process.EndAsync();
        Assert.Equal(0, exitCode);
        Assert.NotEmpty(variables);
        Assert.All(variables, variable => Assert.Contains($"\n  {variable.Replace("__", ":", StringComparison.Ordinal).Replace(":0", ":0,", StringComparison.Ordinal)} ", output, StringComparison.Ordinal));
    }
}
