namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            /// <summary>The schedules behind the functions of the same names.</summary>
            public static class impl
            {
                public class LambdaLR : LRScheduler
                {
                    private readonly Func<int, double> factor;

                    public LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1) : base(optimizer, last_epoch)
                    {
                        factor = lr_lambda;
                        step();
                    }

                    private protected override double Rate(double initial, int epoch, int group) => initial * factor(epoch);
                }

                public class StepLR : LRScheduler
                {
                    private readonly int period;
                    private readonly double gamma;

                    public StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1) : base(optimizer, last_epoch)
                    {
                        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step_size);
                        period = step_size;
                        this.gamma = gamma;
                        step();
                    }

                    private protected override double Rate(double initial, int epoch, int group) =>
                        initial * Math.Pow(gamma, epoch / period);
                }

                public class MultiStepLR : LRScheduler
                {
                    private readonly int[] milestones;
                    private readonly double gamma;

                    public MultiStepLR(
                        Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1) : base(optimizer, last_epoch)
                    {
                        this.milestones = [.. milestones];
                        this.gamma = gamma;
                        step();
                    }

                    private protected override double Rate(double initial, int epoch, int group) =>
                        initial * Math.Pow(gamma, milestones.Count(milestone => milestone <= epoch));
                }

                public class CosineAnnealingLR : LRScheduler
                {
                    private readonly double length;
                    private readonly double least;

                    public CosineAnnealingLR(
                        Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1) : base(optimizer, last_epoch)
                    {
                        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(T_max);
                        length = T_max;
                        least = eta_min;
                        step();
                    }

                    private protected override double Rate(double initial, int epoch, int group) =>
                        least + (initial - least) * (1 + Math.Cos(Math.PI * epoch / length)) / 2;
                }

                public class LinearLR : LRScheduler
                {
                    private readonly double start;
                    private readonly double end;
                    private readonly int length;

                    public LinearLR(
                        Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0, int total_iters = 5,
                        int last_epoch = -1)
                        : base(optimizer, last_epoch)
                    {
                        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(total_iters);
                        start = start_factor;
                        end = end_factor;
                        length = total_iters;
                        step();
                    }

                    private protected override double Rate(double initial, int epoch, int group) =>
                        initial * (start + (end - start) * Math.Min(epoch, length) / length);
                }
            }
        }
    }
}
