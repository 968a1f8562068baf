using System.Diagnostics;
using TorchSharp;

namespace Fewshot.Models.Tests;

/// <summary>Files that PyTorch itself made, once for all tests; <see cref="Missing"/> says why there are none.</summary>
public sealed class PyTorchOracle : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "Oracle", "oracle.py");
    private static readonly string VisionScript = Path.Combine(AppContext.BaseDirectory, "Oracle", "vit_oracle.py");
    private static readonly string SwinScript = Path.Combine(AppContext.BaseDirectory, "Oracle", "swin_oracle.py");

    public PyTorchOracle()
    {
        if (!File.Exists(Python) || Run("-c", "import torch").Code != 0)
            Missing = "PyTorch is not installed for " + Python;
        else if (Run(Script, "make", Folder) is { Code: not 0 } failed)
            throw new InvalidOperationException(failed.Error);
        else if (!File.Exists(At("resnet18.pth")))
            MissingVision = "torchvision is not installed for " + Python;
        else
        {
            RunVision("make");
            RunSwin("make");
        }

        MissingVision ??= Missing;
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("fewshot-models-").FullName;

    public string? Missing { get; }

    public string? MissingVision { get; }

    public string At(string file) => Path.Combine(Folder, file);

    public void RunPruned()
    {
        var (code, error) = Run(Script, "pruned", Folder);
        Assert.True(code == 0, error);
    }

    public void RunVision(string command)
    {
        var (code, error) = Run(VisionScript, command, Folder);
        Assert.True(code == 0, error);
    }

    public void RunSwin(string command)
    {
        var (code, error) = Run(SwinScript, command, Folder);
        Assert.True(code == 0, error);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Relative to the largest element: 1e-4 of it.</summary>
    internal static void AssertClose(torch.Tensor expected, torch.Tensor actual, double tolerance = 1e-4)
    {
        using var scope = torch.NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var scale = Math.Max(1, expected.abs().max().item<float>());
        Assert.InRange((expected - actual.to(expected.dtype)).abs().max().item<float>() / scale, 0, tolerance);
    }

    private static (int Code, string Error) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }
}

[CollectionDefinition(Name)]
public sealed class OracleCollection : ICollectionFixture<PyTorchOracle>
{
    public const string Name = "oracle";
}
