using static TorchSharp.torch;

namespace Fewshot.Compute.Optimizers;

/// <summary>
/// An optimiser whose whole state can be saved in a checkpoint. A run that resumes from it gives the same bits as one that never stopped.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private readonly FlatParameters parameters;

    private protected Optimizer(IReadOnlyList<Tensor> parameters) => this.parameters = new FlatParameters(parameters);

    /// <summary>What it remembers: name and a buffer with a value for each value of the parameters.</summary>
    private protected abstract IEnumerable<(string Name, Tensor Buffer)> Memory { get; }

    /// <summary>Updates every parameter that has a gradient, then drops the gradients.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="clip">Largest Euclidean norm of all gradients together; larger ones are scaled down to it. 0: no limit.</param>
    public void Step(double learningRate, double clip = 0)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var stretches = parameters.TakeGradients();
        if (clip > 0 && stretches.Count > 0)
            Clip([.. stretches.Select(stretch => stretch.Gradients)], clip);
        Begin();
        foreach (var (start, length, gradients) in stretches)
        {
            Tensor Share(Tensor buffer) => buffer.narrow(0, start, length);
            Update(Share(parameters.Values), gradients, Share, learningRate);
        }
    }

    /// <summary>What it remembers, by parameter, such as <c>velocity.3</c>; views in the caller's dispose scope.</summary>
    public IEnumerable<(string Name, Tensor Value)> State() => Memory.SelectMany(memory =>
        Enumerable.Range(0, parameters.Count).Select(i => ($"{memory.Name}.{i}", parameters.Share(memory.Buffer, i))));

    /// <summary>Takes what <see cref="State"/> gave after this many steps; copies are kept.</summary>
    /// <param name="saved">A tensor by its name; null where there was none.</param>
    /// <param name="steps">Steps made so far.</param>
    public virtual void Restore(Func<string, Tensor?> saved, long steps)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        foreach (var (name, value) in State())
        {
            if (saved(name) is { } tensor)
                value.copy_(tensor);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, buffer) in Memory)
            buffer.Dispose();
        parameters.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected Tensor NewMemory() => parameters.ZerosLike();

    /// <summary>Called once a step, before its updates.</summary>
    private protected virtual void Begin()
    {
    }

    /// <param name="values">Neighbouring values, to be changed in place, <c>[n]</c>.</param>
    /// <param name="gradients">Theirs; may be changed.</param>
    /// <param name="share">Their share of a buffer of <see cref="Memory"/>.</param>
    /// <param name="learningRate">Of this step.</param>
    private protected abstract void Update(Tensor values, Tensor gradients, Func<Tensor, Tensor> share, double learningRate);

    /// <summary>As torch.nn.utils.clip_grad_norm_.</summary>
    private static void Clip(Tensor[] gradients, double most)
    {
        var norm = gradients.Length == 1 ? gradients[0].norm() : stack(gradients.Select(gradient => gradient.norm())).norm();
        // Stays on the device: asking for the number would wait for it.
        var factor = (most / (norm + 1e-6)).clamp_max(1);
        foreach (var gradient in gradients)
            gradient.mul_(factor);
    }
}
