using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>Updates parameters from their gradients. Groups of parameters have their own learning rates and settings.</summary>
        public abstract class Optimizer : IDisposable
        {
            protected IList<ParamGroup> _parameter_groups = [];

            private protected Optimizer()
            {
            }

            /// <summary>The groups, as schedulers see them.</summary>
            public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

            /// <summary>Forgets the gradients of all parameters.</summary>
            public abstract void zero_grad();

            /// <summary>Makes one step with the gradients as they are, after <paramref name="closure"/> computed them if it is given; returns its loss.</summary>
            public abstract Tensor? step(Func<Tensor>? closure = null);

            public abstract IEnumerable<Parameter> parameters();

            public abstract void add_param_group(ParamGroup param_group);

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected abstract void Dispose(bool disposing);

            /// <summary>The settings of each group and the state of each parameter, in the optimiser's order. They are the optimiser's own objects, not copies.</summary>
            public class StateDictionary
            {
                internal StateDictionary()
                {
                }

                public List<OptimizerOptions> Options { get; } = [];

                public List<OptimizerState> State { get; } = [];
            }
        }

        /// <summary>What a scheduler controls.</summary>
        public interface ILearningRateController
        {
            double LearningRate { get; set; }

            double InitialLearningRate { get; set; }
        }

        /// <summary>A group with a momentum.</summary>
        public interface IMomentum
        {
            double Momentum { get; set; }
        }

        /// <summary>A group with the two decay rates of Adam.</summary>
        public interface IBetas
        {
            (double, double) Betas { get; set; }
        }
    }
}
