using TorchSharp.Interop;

namespace TorchSharp;

file static class Aten
{
    internal static readonly Operator Rand = new("aten::rand", "generator");
    internal static readonly Operator Randn = new("aten::randn", "generator");
    internal static readonly Operator RandLike = new("aten::rand_like");
    internal static readonly Operator RandnLike = new("aten::randn_like");
    internal static readonly Operator Randint = new("aten::randint", "low_generator");
    internal static readonly Operator Randperm = new("aten::randperm", "generator");
    internal static readonly Operator Normal = new("aten::normal_");
    internal static readonly Operator Uniform = new("aten::uniform_");
    internal static readonly Operator Bernoulli = new("aten::bernoulli_", "float");
}

public static partial class torch
{
    /// <summary>Uniform on [0, 1).</summary>
    public static Tensor rand(params long[] size) => rand(size, null);

    /// <inheritdoc cref="rand(long[])"/>
    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null, Generator? generator = null) =>
        Aten.Rand.Call(size, generator, dtype, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary>Normal with mean 0 and variance 1.</summary>
    public static Tensor randn(params long[] size) => randn(size, null);

    /// <inheritdoc cref="randn(long[])"/>
    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null, Generator? generator = null) =>
        Aten.Randn.Call(size, generator, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.RandLike.Call(input, dtype, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Aten.RandnLike.Call(input, dtype, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary>Integers from <paramref name="low"/> to before <paramref name="high"/>.</summary>
    public static Tensor randint(long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Aten.Randint.Call(low, high, size, generator, dtype ?? ScalarType.Int64, Argument.None, device).with_requires_grad(requires_grad);

    public static Tensor randint(long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        randint(0, high, size, dtype, device, requires_grad, generator);

    /// <summary>A random order of the integers below <paramref name="n"/>.</summary>
    public static Tensor randperm(long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Aten.Randperm.Call(n, generator, dtype ?? ScalarType.Int64, Argument.None, device).with_requires_grad(requires_grad);

    /// <summary>Seeds every device's default generator.</summary>
    public static Generator manual_seed(long seed) => random.manual_seed(seed);

    public static partial class random
    {
        /// <inheritdoc cref="torch.manual_seed"/>
        public static Generator manual_seed(long seed)
        {
            Native.Check(Native.fs_manual_seed(unchecked((ulong)seed)));
            return Generator.Default;
        }

        public static Tensor get_rng_state() => Generator.Default.get_state();

        public static void set_rng_state(Tensor new_state) => Generator.Default.set_state(new_state);
    }

    public partial class Tensor
    {
        public Tensor normal_(double mean = 0.0, double stddev = 1.0, Generator? generator = null) =>
            InPlace(Aten.Normal, mean, stddev, generator);

        public Tensor uniform_(double from, double to, Generator? generator = null) => InPlace(Aten.Uniform, from, to, generator);

        /// <summary>Ones with probability <paramref name="p"/>, else zeros.</summary>
        public Tensor bernoulli_(double p, Generator? generator = null) => InPlace(Aten.Bernoulli, p, generator);
    }
}
