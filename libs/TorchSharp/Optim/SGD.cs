using TorchSharp.Interop;
using TorchSharp.Modules;
using static TorchSharp.torch.optim;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Stochastic gradient descent with momentum as PyTorch defines it.</summary>
            public static Modules.SGD SGD(
                IEnumerable<Parameter> parameters, double learningRate, double momentum = 0.0, double dampening = 0,
                double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            /// <inheritdoc cref="SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
            public static Modules.SGD SGD(
                IEnumerable<(string name, Parameter parameter)> parameters, double learningRate, double momentum = 0.0,
                double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters.Select(named => named.parameter), learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            /// <inheritdoc cref="SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
            public static Modules.SGD SGD(
                IEnumerable<Modules.SGD.ParamGroup> parameters, double learningRate, double momentum = 0.0, double dampening = 0,
                double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>
    /// d = gradient + weight_decay p; buffer = momentum buffer + (1 - dampening) d (the first one is d); p -= rate (nesterov ? d + momentum buffer : buffer).
    /// </summary>
    public class SGD : OptimizerHelper
    {
        public SGD(
            IEnumerable<Parameter> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0,
            bool nesterov = false, bool maximize = false)
            : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize)
        {
        }

        public SGD(
            IEnumerable<ParamGroup> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0,
            bool nesterov = false, bool maximize = false)
            : base(new Options
            {
                LearningRate = lr,
                InitialLearningRate = lr,
                momentum = momentum,
                dampening = dampening,
                weight_decay = weight_decay,
                nesterov = nesterov,
                maximize = maximize,
            })
        {
            ArgumentOutOfRangeException.ThrowIfNegative(lr);
            ArgumentOutOfRangeException.ThrowIfNegative(momentum);
            ArgumentOutOfRangeException.ThrowIfNegative(weight_decay);
            if (nesterov && (momentum <= 0 || dampening != 0))
                throw new ArgumentException("Nesterov's momentum needs a momentum and no dampening.", nameof(nesterov));
            foreach (var group in parameters)
                add_param_group(group);
        }

        private protected override OptimizerState NewState(Parameter parameter) => new State(parameter);

        private protected override void Complete(Modules.ParamGroup group)
        {
            var defaults = (Options)Defaults;
            var options = (Options)(group.Options ??= new Options());
            options.LearningRate ??= defaults.LearningRate;
            options.momentum ??= defaults.momentum;
            options.dampening ??= defaults.dampening;
            options.weight_decay ??= defaults.weight_decay;
            options.nesterov ??= defaults.nesterov;
            options.maximize ??= defaults.maximize;
        }

        private protected override unsafe void Update(Modules.ParamGroup group)
        {
            var options = (Options)group.Options;
            var settings = new Native.SgdSettings
            {
                Rate = options.LearningRate!.Value,
                Momentum = options.momentum!.Value,
                Dampening = options.dampening!.Value,
                WeightDecay = options.weight_decay!.Value,
                Nesterov = options.nesterov!.Value ? 1 : 0,
                Maximize = options.maximize!.Value ? 1 : 0,
            };
            var members = group.Members;
            var states = Array.ConvertAll(members, parameter => (State)StateOf(parameter));
            var buffers = settings.Momentum == 0 ? null : Array.ConvertAll(states, state => state.momentum_buffer?.Handle ?? 0);
            int status;
            fixed (nint* first = Handles(members), buffer = buffers)
                status = Native.fs_sgd(first, buffer, members.Length, settings);
            // Buffers made before a failure belong to their states all the same.
            for (var k = 0; buffers is not null && k < states.Length; k++)
                if (states[k].momentum_buffer is null && buffers[k] != 0)
                    states[k].momentum_buffer = torch.Tensor.Wrap(buffers[k]).DetachFromDisposeScope();
            Native.Check(status);
        }

        /// <summary>The momentum of one parameter; null before its first step.</summary>
        public class State : OptimizerState, IDisposable
        {
            public torch.Tensor? momentum_buffer;

            internal State(Parameter parameter) : base(parameter)
            {
            }

            public override void SaveStateDict(BinaryWriter writer) => Write(writer, momentum_buffer);

            public override void LoadStateDict(BinaryReader reader) => Replace(Read(reader));

            public override void LoadStateDict(OptimizerState source) =>
                Replace(source is State { momentum_buffer: { } buffer } ? Copy(buffer) : null);

            public override void to(torch.Device device)
            {
                if (momentum_buffer is not null)
                    Replace(momentum_buffer.to(device).DetachFromDisposeScope());
            }

            public void Dispose()
            {
                Replace(null);
                GC.SuppressFinalize(this);
            }

            private void Replace(torch.Tensor? buffer)
            {
                momentum_buffer?.Dispose();
                momentum_buffer = buffer;
            }
        }

        /// <summary>Settings of a group; what is null comes from the optimiser.</summary>
        public class Options : OptimizerOptions
        {
            public double? momentum;
            public double? dampening;
            public double? weight_decay;
            public bool? nesterov;
            public bool? maximize;

            public override void SaveStateDict(BinaryWriter writer)
            {
                base.SaveStateDict(writer);
                writer.Write(momentum!.Value);
                writer.Write(dampening!.Value);
                writer.Write(weight_decay!.Value);
                writer.Write(nesterov!.Value);
                writer.Write(maximize!.Value);
            }

            public override void LoadStateDict(BinaryReader reader)
            {
                base.LoadStateDict(reader);
                momentum = reader.ReadDouble();
                dampening = reader.ReadDouble();
                weight_decay = reader.ReadDouble();
                nesterov = reader.ReadBoolean();
                maximize = reader.ReadBoolean();
            }

            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                if (source is not Options other)
                    return;
                (momentum, dampening, weight_decay) = (other.momentum, other.dampening, other.weight_decay);
                (nesterov, maximize) = (other.nesterov, other.maximize);
            }
        }

        /// <summary>Parameters with their own settings.</summary>
        public class ParamGroup : ParamGroup<Options>, IMomentum
        {
            public ParamGroup()
            {
            }

            public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options)
            {
            }

            public ParamGroup(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double momentum = 0.0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false)
                : base(parameters, new Options
                {
                    LearningRate = lr,
                    momentum = momentum,
                    dampening = dampening,
                    weight_decay = weight_decay,
                    nesterov = nesterov,
                    maximize = maximize,
                })
            {
            }

            public double Momentum
            {
                get => Options.momentum!.Value;
                set => Options.momentum = value;
            }
        }
    }
}
