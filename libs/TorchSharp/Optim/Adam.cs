using TorchSharp.Interop;

namespace TorchSharp.Modules;

/// <summary>
/// m = beta1 m + (1 - beta1) d, v = beta2 v + (1 - beta2) d^2, p -= rate m' / (sqrt(v') + eps), where m' and v' are freed of their start at zero and
/// d = gradient + weight_decay p (Kingma and Ba 2015, algorithm 1).
/// </summary>
public class Adam : OptimizerHelper
{
    public Adam(
        IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
        double weight_decay = 0)
        : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay)
    {
    }

    public Adam(
        IEnumerable<ParamGroup> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
        double weight_decay = 0)
        : base(new Options { LearningRate = lr, InitialLearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay })
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lr);
        ArgumentOutOfRangeException.ThrowIfNegative(eps);
        ArgumentOutOfRangeException.ThrowIfNegative(weight_decay);
        if (beta1 is < 0 or >= 1 || beta2 is < 0 or >= 1)
            throw new ArgumentOutOfRangeException(nameof(beta1), $"beta1 and beta2 lie in [0, 1); they are {beta1} and {beta2}.");
        foreach (var group in parameters)
            add_param_group(group);
    }

    /// <summary>Whether weights decay by themselves rather than through the gradient.</summary>
    private protected virtual bool Decoupled => false;

    private protected override OptimizerState NewState(Parameter parameter) => new State(parameter);

    private protected override void Complete(Modules.ParamGroup group)
    {
        var defaults = (Options)Defaults;
        var options = (Options)(group.Options ??= new Options());
        options.LearningRate ??= defaults.LearningRate;
        options.beta1 ??= defaults.beta1;
        options.beta2 ??= defaults.beta2;
        options.eps ??= defaults.eps;
        options.weight_decay ??= defaults.weight_decay;
    }

    private protected override unsafe void Update(Modules.ParamGroup group)
    {
        var options = (Options)group.Options;
        var settings = new Native.AdamSettings
        {
            Rate = options.LearningRate!.Value,
            Beta1 = options.beta1!.Value,
            Beta2 = options.beta2!.Value,
            Eps = options.eps!.Value,
            WeightDecay = options.weight_decay!.Value,
            Decoupled = Decoupled ? 1 : 0,
        };
        var members = group.Members;
        var states = Array.ConvertAll(members, parameter => (State)StateOf(parameter));
        var means = Array.ConvertAll(states, state => state.exp_avg.Handle);
        var squares = Array.ConvertAll(states, state => state.exp_avg_sq.Handle);
        var steps = Array.ConvertAll(states, state => state.step);
        int status;
        fixed (nint* first = Handles(members), mean = means, square = squares)
        fixed (long* step = steps)
            status = Native.fs_adam(first, mean, square, step, members.Length, settings);
        for (var k = 0; k < states.Length; k++)
            states[k].step = steps[k];
        Native.Check(status);
    }

    /// <summary>The two running means of one parameter's gradient and the steps they have seen.</summary>
    public class State : OptimizerState, IDisposable
    {
        public long step;
        public torch.Tensor exp_avg;
        public torch.Tensor exp_avg_sq;

        internal State(Parameter parameter) : base(parameter)
        {
            exp_avg = Zeros();
            exp_avg_sq = Zeros();
        }

        public override void SaveStateDict(BinaryWriter writer)
        {
            writer.Write(step);
            Write(writer, exp_avg);
            Write(writer, exp_avg_sq);
        }

        public override void LoadStateDict(BinaryReader reader)
        {
            step = reader.ReadInt64();
            Replace(Read(reader), Read(reader));
        }

        public override void LoadStateDict(OptimizerState source)
        {
            var other = (State)source;
            step = other.step;
            Replace(Copy(other.exp_avg), Copy(other.exp_avg_sq));
        }

        public override void to(torch.Device device) =>
            Replace(exp_avg.to(device, copy: true).DetachFromDisposeScope(), exp_avg_sq.to(device, copy: true).DetachFromDisposeScope());

        public void Dispose()
        {
            exp_avg.Dispose();
            exp_avg_sq.Dispose();
            GC.SuppressFinalize(this);
        }

        private void Replace(torch.Tensor? mean, torch.Tensor? square)
        {
            if (mean is null || square is null)
                throw new InvalidDataException("The saved optimiser state lacks a running mean.");
            exp_avg.Dispose();
            exp_avg_sq.Dispose();
            (exp_avg, exp_avg_sq) = (mean, square);
        }
    }

    /// <summary>Settings of a group; what is null comes from the optimiser.</summary>
    public class Options : OptimizerOptions
    {
        public double? beta1;
        public double? beta2;
        public double? weight_decay;
        public double? eps;

        public override void SaveStateDict(BinaryWriter writer)
        {
            base.SaveStateDict(writer);
            writer.Write(beta1!.Value);
            writer.Write(beta2!.Value);
            writer.Write(eps!.Value);
            writer.Write(weight_decay!.Value);
        }

        public override void LoadStateDict(BinaryReader reader)
        {
            base.LoadStateDict(reader);
            beta1 = reader.ReadDouble();
            beta2 = reader.ReadDouble();
            eps = reader.ReadDouble();
            weight_decay = reader.ReadDouble();
        }

        public override void LoadStateDict(OptimizerOptions source)
        {
            base.LoadStateDict(source);
            if (source is Options other)
                (beta1, beta2, eps, weight_decay) = (other.beta1, other.beta2, other.eps, other.weight_decay);
        }
    }

    /// <summary>Parameters with their own settings.</summary>
    public class ParamGroup : ParamGroup<Options>, torch.optim.IBetas
    {
        public ParamGroup()
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options)
        {
        }

        public ParamGroup(
            IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
            double weight_decay = 0)
            : base(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay })
        {
        }

        public (double, double) Betas
        {
            get => (Options.beta1!.Value, Options.beta2!.Value);
            set => (Options.beta1, Options.beta2) = value;
        }
    }
}
