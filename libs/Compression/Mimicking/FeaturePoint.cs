using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>Where teacher and student are compared (MiR, arXiv 2201.02620, section 3).</summary>
public enum FeaturePoint
{
    /// <summary>The map before global average pooling; of a transformer, all tokens after the final norm.</summary>
    PreGap,

    /// <summary>The vector after it; of a transformer, the class token.</summary>
    PostGap,

    /// <summary>The output of the last block that trains, where only the first blocks do.</summary>
    LastTrained,
}

/// <summary>The mimic loss: mean squared error between the features of two networks over all elements.</summary>
public static class MimicLoss
{
    /// <summary>The features at <paramref name="point"/> of a stream that has left the last block; float32.</summary>
    public static Tensor FeaturesOf(Network network, Tensor stream, FeaturePoint point)
    {
        var map = network.Tail(stream);
        var features = point == FeaturePoint.PostGap ? network.Pool(map) : map;
        return features.dtype == ScalarType.Float32 ? features : features.to(ScalarType.Float32);
    }

    /// <summary>Mean squared error, a scalar tensor.</summary>
    public static Tensor Between(Tensor student, Tensor teacher) => nn.functional.mse_loss(student, teacher);
}
