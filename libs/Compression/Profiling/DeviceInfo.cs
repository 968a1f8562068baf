using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Profiling;

/// <summary>What a latency was measured on; a latency means nothing without it.</summary>
public sealed record DeviceInfo(string Name, string Runtime, int Threads, string Dtype)
{
    /// <summary>SHA-256 over the fields, hexadecimal.</summary>
    public string Fingerprint =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Name}\n{Runtime}\n{Threads}\n{Dtype}")));

    /// <summary>The device that <paramref name="compute"/> selects in this process.</summary>
    public static DeviceInfo Current(ComputeSettings compute)
    {
        compute.Apply();
        var dtype = compute.MixedPrecision ? "bfloat16" : compute.Tf32 ? "float32 (tf32)" : "float32";
        return compute.Device.type == DeviceType.CUDA
            ? new DeviceInfo(GpuName(compute.Device.index), RuntimeName(), 1, dtype)
            : new DeviceInfo(ProcessorName(), RuntimeName(), get_num_threads(), dtype);
    }

    private static string RuntimeName() => $"libtorch {__version__}";

    private static string ProcessorName()
    {
        const string Source = "/proc/cpuinfo";
        var model = File.Exists(Source)
            ? File.ReadLines(Source).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            : null;
        return model ?? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();
    }

    // TorchSharp has no call for it; the driver publishes it here.
    private static string GpuName(int index)
    {
        const string Source = "/proc/driver/nvidia/gpus";
        var folders = Directory.Exists(Source) ? Directory.GetDirectories(Source).Order(StringComparer.Ordinal).ToArray() : [];
        var position = Math.Max(index, 0);
        var model = position < folders.Length
            ? File.ReadLines(Path.Combine(folders[position], "information")).FirstOrDefault(l => l.StartsWith("Model:", StringComparison.Ordinal))
            : null;
        return model?["Model:".Length..].Trim() ?? "CUDA device";
    }
}
