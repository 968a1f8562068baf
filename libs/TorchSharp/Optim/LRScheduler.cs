namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            /// <summary>Sets every group's learning rate from its initial one and the number of steps made.</summary>
            public abstract class LRScheduler
            {
                private readonly ILearningRateController[] groups;
                private readonly double[] initial;
                private int epoch;

                private protected LRScheduler(Optimizer optimizer, int last_epoch)
                {
                    ArgumentNullException.ThrowIfNull(optimizer);
                    groups = [.. optimizer.ParamGroups];
                    initial = Array.ConvertAll(groups, group => group.InitialLearningRate);
                    epoch = last_epoch;
                }

                /// <summary>Goes on by one step.</summary>
                public virtual void step() => step(null);

                /// <summary>Goes to a step; null means the next one.</summary>
                public virtual void step(int? epoch)
                {
                    this.epoch = epoch ?? this.epoch + 1;
                    for (var k = 0; k < groups.Length; k++)
                        groups[k].LearningRate = Rate(initial[k], this.epoch, k);
                }

                /// <summary>Every group's learning rate.</summary>
                public IEnumerable<double> get_last_lr() => groups.Select(group => group.LearningRate);

                /// <summary>The rate of a group after so many steps; a function of the step alone, so that a run can start anywhere.</summary>
                private protected abstract double Rate(double initial, int epoch, int group);
            }

            /// <summary>The initial rate times a function of the step.</summary>
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1) =>
                new impl.LambdaLR(optimizer, lr_lambda, last_epoch);

            /// <summary>The rate times <paramref name="gamma"/> every <paramref name="step_size"/> steps.</summary>
            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1) =>
                new impl.StepLR(optimizer, step_size, gamma, last_epoch);

            /// <summary>The rate times <paramref name="gamma"/> at every milestone.</summary>
            public static LRScheduler MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1) =>
                new impl.MultiStepLR(optimizer, milestones, gamma, last_epoch);

            /// <summary>Half a cosine from the initial rate to <paramref name="eta_min"/> in <paramref name="T_max"/> steps.</summary>
            public static LRScheduler CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1) =>
                new impl.CosineAnnealingLR(optimizer, T_max, eta_min, last_epoch);

            /// <summary>A straight line of factors from <paramref name="start_factor"/> to <paramref name="end_factor"/> in <paramref name="total_iters"/> steps.</summary>
            public static LRScheduler LinearLR(Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0, int total_iters = 5, int last_epoch = -1) =>
                new impl.LinearLR(optimizer, start_factor, end_factor, total_iters, last_epoch);
        }
    }
}
