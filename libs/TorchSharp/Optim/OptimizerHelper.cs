using TorchSharp.Interop;

namespace TorchSharp.Modules;

/// <summary>What the optimisers share: groups, per-parameter state, and its saving and loading.</summary>
public abstract class OptimizerHelper : torch.optim.Optimizer
{
    private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

    private protected OptimizerHelper(OptimizerOptions defaults) => Defaults = defaults;

    private protected OptimizerOptions Defaults { get; }

    public override IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

    public override unsafe void zero_grad()
    {
        foreach (var group in _parameter_groups)
            fixed (nint* handles = Handles(group.Members))
                Native.Check(Native.fs_clear_gradients(handles, group.Members.Length));
    }

    public override torch.Tensor? step(Func<torch.Tensor>? closure = null)
    {
        torch.Tensor? loss = null;
        if (closure is not null)
            using (torch.enable_grad())
                loss = closure();
        foreach (var group in _parameter_groups)
            Update(group);
        return loss;
    }

    public override void add_param_group(ParamGroup param_group)
    {
        Complete(param_group);
        param_group.InitialLearningRate = param_group.LearningRate;
        param_group.Members = [.. param_group.Parameters];
        foreach (var parameter in param_group.Members)
            if (!states.TryAdd(parameter, NewState(parameter)))
                throw new ArgumentException("A parameter is in two groups of the optimiser.", nameof(param_group));
        _parameter_groups.Add(param_group);
    }

    public virtual StateDictionary state_dict()
    {
        var dictionary = new StateDictionary();
        foreach (var group in _parameter_groups)
        {
            dictionary.Options.Add(group.Options);
            dictionary.State.AddRange(group.Members.Select(StateOf));
        }
        return dictionary;
    }

    /// <summary>Takes over settings and state of another optimiser of the same kind and parameter shapes; the tensors are copied.</summary>
    public virtual void load_state_dict(StateDictionary state_dict)
    {
        var own = this.state_dict();
        RequireSameSize(own, state_dict.Options.Count, state_dict.State.Count);
        for (var k = 0; k < own.Options.Count; k++)
            own.Options[k].LoadStateDict(state_dict.Options[k]);
        for (var k = 0; k < own.State.Count; k++)
            own.State[k].LoadStateDict(state_dict.State[k]);
    }

    public void save_state_dict(string location)
    {
        using var stream = File.Create(location);
        using var writer = new BinaryWriter(stream);
        save_state_dict(writer);
    }

    /// <summary>Writes settings and state, every bit of them.</summary>
    public void save_state_dict(BinaryWriter writer)
    {
        var own = state_dict();
        writer.Write(GetType().Name);
        writer.Write(own.Options.Count);
        writer.Write(own.State.Count);
        own.Options.ForEach(options => options.SaveStateDict(writer));
        own.State.ForEach(state => state.SaveStateDict(writer));
    }

    public void load_state_dict(string location)
    {
        using var stream = File.OpenRead(location);
        using var reader = new BinaryReader(stream);
        load_state_dict(reader);
    }

    /// <summary>Reads what <see cref="save_state_dict(BinaryWriter)"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream holds another optimiser's state.</exception>
    public void load_state_dict(BinaryReader reader)
    {
        var name = reader.ReadString();
        if (name != GetType().Name)
            throw new InvalidDataException($"The state of {name} cannot be loaded into {GetType().Name}.");
        var own = state_dict();
        RequireSameSize(own, reader.ReadInt32(), reader.ReadInt32());
        own.Options.ForEach(options => options.LoadStateDict(reader));
        own.State.ForEach(state => state.LoadStateDict(reader));
    }

    /// <summary>Moves all state to a device.</summary>
    public void to(torch.Device device)
    {
        foreach (var state in states.Values)
            state.to(device);
    }

    private protected abstract void Update(ParamGroup group);

    private protected abstract OptimizerState NewState(Parameter parameter);

    /// <summary>Fills what a group leaves open with the optimiser's own settings.</summary>
    private protected abstract void Complete(ParamGroup group);

    private protected OptimizerState StateOf(Parameter parameter) => states[parameter];

    private protected static nint[] Handles(Parameter[] parameters) => Array.ConvertAll(parameters, parameter => parameter.Handle);

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        foreach (var state in states.Values)
            (state as IDisposable)?.Dispose();
        states.Clear();
    }

    private static void RequireSameSize(StateDictionary own, int groups, int parameters)
    {
        if (groups != own.Options.Count || parameters != own.State.Count)
            throw new ArgumentException(
                $"The state has {groups} groups and {parameters} parameters; the optimiser {own.Options.Count} and {own.State.Count}.");
    }
}
