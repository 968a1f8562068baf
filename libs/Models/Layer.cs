using TorchSharp;

namespace Fewshot.Models;

/// <summary>What owns tensors in a network: a convolution with its norm, a linear layer.</summary>
public abstract class Layer : IDisposable
{
    private protected Layer(string name) => Name = name;

    /// <summary>Path in the unpruned variant, such as <c>layer1.1.conv1</c>.</summary>
    public string Name { get; }

    /// <summary>Its tensors in the order of the checkpoint.</summary>
    internal abstract IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary>Takes the values, and where it was folded the structure, of the same layer of another network.</summary>
    internal virtual void CopyFrom(Layer source)
    {
        for (var i = 0; i < Slots.Count; i++)
            Slots[i].CopyFrom(source.Slots[i]);
    }

    /// <summary>Moves its tensors.</summary>
    internal virtual void To(torch.Device device, torch.ScalarType dtype)
    {
        foreach (var slot in Slots)
            slot.To(device, dtype);
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        foreach (var slot in Slots)
            slot.Free();
        GC.SuppressFinalize(this);
    }
}
