using System.Runtime.InteropServices;

namespace TorchSharp.Modules;

/// <summary>What an optimiser remembers of one parameter.</summary>
public abstract class OptimizerState
{
    private readonly Parameter parameter;

    private protected OptimizerState(Parameter parameter) => this.parameter = parameter;

    public abstract void SaveStateDict(BinaryWriter writer);

    public abstract void LoadStateDict(BinaryReader reader);

    public abstract void LoadStateDict(OptimizerState source);

    /// <summary>Moves the state to a device.</summary>
    public virtual void to(torch.Device device)
    {
    }

    /// <summary>Zeros of the parameter's shape, type, device and layout, in no dispose scope.</summary>
    private protected torch.Tensor Zeros() => torch.zeros_like(parameter).DetachFromDisposeScope();

    private protected torch.Tensor Copy(torch.Tensor source)
    {
        var copy = Zeros();
        copy.copy_(source);
        return copy;
    }

    private protected static void Write(BinaryWriter writer, torch.Tensor? tensor)
    {
        writer.Write(tensor is not null);
        if (tensor is null)
            return;
        using var scope = torch.NewDisposeScope();
        var bytes = tensor.detach().cpu().contiguous().bytes;
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }

    /// <summary>Reads what <see cref="Write"/> wrote into a tensor like the parameter; null when none was written.</summary>
    private protected torch.Tensor? Read(BinaryReader reader)
    {
        if (!reader.ReadBoolean())
            return null;
        using var scope = torch.NewDisposeScope();
        var staged = torch.empty(parameter.shape, parameter.dtype);
        var bytes = staged.bytes;
        if (reader.ReadInt64() != bytes.Length)
            throw new InvalidDataException("The saved optimiser state belongs to parameters of other shapes.");
        reader.BaseStream.ReadExactly(bytes);
        return Copy(staged);
    }
}
