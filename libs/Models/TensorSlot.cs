using TorchSharp;

namespace Fewshot.Models;

/// <summary>What a tensor holds before training.</summary>
internal enum Initial
{
    Zeros,
    Ones,
    KaimingFanOut,   // normal, std sqrt(2 / (out * k * k)) (He et al. 2015)
    KaimingFanIn,    // normal, std sqrt(2 / (in * k * k))
    Normal001,       // normal, std 0.01
    Normal002,       // normal, std 0.02 (tokens and position embeddings)
    UniformFanIn,    // uniform, bound 1 / sqrt(fan), PyTorch's default of linear layers; at ViT-B's width its std is the usual 0.02
}

/// <summary>The place of one tensor of a network: its name in checkpoints, its shape, and, once filled, its value.</summary>
internal sealed class TensorSlot(string checkpointName, long[] shape, bool trainable, Initial initial, long fan = 0)
{
    private torch.Tensor? value;

    public string CheckpointName { get; } = checkpointName;

    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>A parameter; a buffer otherwise.</summary>
    public bool Trainable { get; } = trainable;

    public Initial Initial { get; } = initial;

    /// <summary>Of position embeddings <c>[1, T, D]</c>: how many of the T come before the square grid; null for every other tensor.</summary>
    public int? ExtraTokens { get; init; }

    public long Fan { get; } = fan;

    public long Count { get; } = shape.Aggregate(1L, (product, extent) => checked(product * extent));

    public torch.Tensor Value => value ?? throw new InvalidOperationException($"{CheckpointName} has no value: the network is an outline.");

    public bool IsFilled => value is not null;

    /// <summary>Takes <paramref name="tensor"/> over: it is the network's from now on, whatever dispose scope it was made in.</summary>
    public void Fill(torch.Tensor tensor, bool requiresGrad = true)
    {
        value?.Dispose();
        value = tensor.requires_grad_(Trainable && requiresGrad).DetachFromDisposeScope();
    }

    public void CopyFrom(TensorSlot source)
    {
        if (!source.IsFilled)
            return;
        using var detached = source.Value.detach();
        Fill(detached.clone(), source.Value.requires_grad);
    }

    public void To(torch.Device device, torch.ScalarType dtype)
    {
        if (value is null)
            return;
        using var detached = value.detach();
        Fill(detached.to(dtype, device), value.requires_grad);
    }

    /// <summary>Frees the value; the slot is an outline again.</summary>
    public void Free()
    {
        value?.Dispose();
        value = null;
    }
}
