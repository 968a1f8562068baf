using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

/// <summary>Runs all cases in one PyTorch process; <see cref="Missing"/> says why it could not.</summary>
public sealed class ParityFixture
{
    private const string Python = "/usr/bin/python3";
    private readonly JsonNode? results;
    private readonly byte[] memory = [];

    public ParityFixture()
    {
        var folder = Directory.CreateTempSubdirectory("parity").FullName;
        try
        {
            WriteCases(folder);
            Missing = RunPython(folder);
            if (Missing is not null)
                return;
            results = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "outputs.json")));
            memory = File.ReadAllBytes(Path.Combine(folder, "outputs.bin"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public string? Missing { get; }

    public static IReadOnlyDictionary<string, ParityCase> Cases { get; } = new ParityTable[]
    {
        new ArithmeticCases(), new ShapeCases(), new ReductionCases(), new MatrixCases(), new LayerCases(), new FusedLayerCases(), new LossCases(), new CreationCases(), new OptimizerCases(), new ClippingCases(),
    }.SelectMany(table => table.Cases).ToDictionary(one => one.Name);

    /// <summary>What PyTorch gave for a case.</summary>
    public torch.Tensor[] Expected(string name)
    {
        var result = results![name]!;
        if (result["error"] is { } error)
            throw new InvalidOperationException($"PyTorch refused {name}: {error}");
        return [.. result["outputs"]!.AsArray().Select(Read)];
    }

    private torch.Tensor Read(JsonNode? entry)
    {
        var tensor = torch.empty([.. entry!["shape"]!.AsArray().Select(size => (long)size!)], Enum.Parse<torch.ScalarType>((string)entry["type"]!));
        var bytes = tensor.bytes;
        memory.AsSpan((int)entry["offset"]!, bytes.Length).CopyTo(bytes);
        return tensor;
    }

    private static void WriteCases(string folder)
    {
        using var scope = torch.NewDisposeScope();
        using var inputs = File.Create(Path.Combine(folder, "inputs.bin"));
        var list = new List<object>();
        foreach (var one in Cases.Values)
        {
            var entries = new List<object>();
            foreach (var tensor in one.Inputs())
            {
                inputs.SetLength((inputs.Length + 7) / 8 * 8);
                inputs.Position = inputs.Length;
                entries.Add(new { type = tensor.dtype.ToString(), tensor.shape, offset = inputs.Position });
                inputs.Write(tensor.bytes);
            }
            list.Add(new { name = one.Name, code = one.Python, gradients = one.Gradients, inputs = entries });
        }
        File.WriteAllText(Path.Combine(folder, "cases.json"), JsonSerializer.Serialize(list));
    }

    private static string? RunPython(string folder)
    {
        if (!File.Exists(Python))
            return $"{Python} is not installed";
        using var process = Process.Start(new ProcessStartInfo(Python, [Path.Combine(AppContext.BaseDirectory, "Parity", "parity.py"), folder])
        {
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0)
            return null;
        return errors.Contains("No module named 'torch'") ? "PyTorch (python3-torch) is not installed" : throw new InvalidOperationException(errors);
    }
}
