using System.ComponentModel;
using System.Diagnostics;

namespace Fewshot.Deployment.Tests;

/// <summary>The Kubernetes API's own classes, as Debian's Python client has them, know every field.</summary>
public sealed class SchemaTests
{
    private static readonly Lazy<bool> ClientThere = new(() =>
    {
        try
        {
            return Run("import kubernetes, yaml").ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    });

    public static TheoryData<string> Overlays => Manifests.Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Manifests_All_AreWhatTheApiTakes(string overlay) => Assert.Matches("^[1-9][0-9]* manifests$", Check(Manifests.Of(overlay).Text));

    [SkippableFact]
    public void Manifests_Misspelt_AreFound()
    {
        var text = Manifests.Of("local").Text.Replace("serviceAccountName:", "serviceAcountName:", StringComparison.Ordinal)
            .Replace("replicas: 1", "replicas: one", StringComparison.Ordinal).Replace("policyTypes:", "policyType:", StringComparison.Ordinal);
        var found = Check(text);
        Assert.Contains("Deployment/gateway.spec.template.spec.serviceAcountName: is no field of V1PodSpec", found, StringComparison.Ordinal);
        Assert.Contains("Deployment/gateway.spec.replicas: must be of type int, not \"one\"", found, StringComparison.Ordinal);
        Assert.Contains(".spec.policyType: is no field of V1NetworkPolicySpec", found, StringComparison.Ordinal);
    }

    private static string Check(string manifests)
    {
        Skip.IfNot(ClientThere.Value, "Debian's python3-kubernetes is missing ('make setup' installs it)");
        var (code, output) = Run(File.ReadAllText(Path.Combine(Manifests.Root, "tests/Deployment.Tests/api_schema.py")), manifests);
        Assert.Equal(0, code);
        return output.Trim();
    }

    private static (int ExitCode, string Output) Run(string program, string input = "")
    {
        using var python = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", program])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, errors) = (python.StandardOutput.ReadToEndAsync(), python.StandardError.ReadToEndAsync());
        python.StandardInput.Write(input);
        python.StandardInput.Close();
        python.WaitForExit();
        return (python.ExitCode, output.Result + errors.Result);
    }
}
