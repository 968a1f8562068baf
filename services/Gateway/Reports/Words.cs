using System.Text.Json;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>What reports call things.</summary>
internal static class Words
{
    public const string StandardMacs = "multiply-adds of convolutions and matrix products, per image";

    /// <summary>An enumeration's value, as options spell it: <c>eps-resnet</c>.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    public static DeviceRow Of(DeviceFacts d, int batchSize) => new(d.Name, d.Runtime, d.Threads, d.Dtype, d.Fingerprint, batchSize);
}
