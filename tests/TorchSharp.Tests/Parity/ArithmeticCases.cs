using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

internal sealed class ArithmeticCases : ParityTable
{
    public ArithmeticCases()
    {
        Func<torch.Tensor[]> two = () => [Normal(3, 4), Positive(3, 4)], one = () => [Normal(5, 3)], positive = () => [Positive(4, 5)];
        Func<torch.Tensor[]> broadcast = () => [Normal(2, 3, 4), Positive(3, 1)], three = () => [Normal(2, 5), Normal(5), Positive(2, 5)];

        Add("add", "a + b", broadcast, t => t[0] + t[1]);
        Add("add alpha", "torch.add(a, b, alpha=0.5)", two, t => t[0].add(t[1], 0.5));
        Add("add scalar", "a + 2.5", one, t => t[0] + 2.5);
        Add("add scalar alpha", "torch.add(a, 2.5, alpha=3)", one, t => t[0].add(2.5, 3));
        Add("add in place", "a.clone().add_(b, alpha=-2)", two, t => t[0].clone().add_(t[1], -2));
        Add("sub", "a - b", broadcast, t => t[0] - t[1]);
        Add("sub from scalar", "3 - a", one, t => 3 - t[0]);
        Add("sub in place", "a.clone().sub_(b).sub_(1.5)", two, t => t[0].clone().sub_(t[1]).sub_(1.5));
        Add("mul", "a * b", broadcast, t => t[0] * t[1]);
        Add("mul in place", "a.clone().mul_(b).mul_(0.3)", two, t => t[0].clone().mul_(t[1]).mul_(0.3));
        Add("div", "a / b", broadcast, t => t[0] / t[1]);
        Add("div in place", "a.clone().div_(b).div_(3)", two, t => t[0].clone().div_(t[1]).div_(3));
        Add("div floor", "torch.div(a, b, rounding_mode='floor')", two, t => t[0].div(t[1], RoundingMode.floor), gradients: false);
        Add("scalar by tensor", "2 / a", positive, t => 2 / t[0]);
        Add("neg", "-a", one, t => -t[0]);
        Add("addcmul", "torch.addcmul(a, b, c, value=0.7)", three, t => t[0].addcmul(t[1], t[2], 0.7));
        Add("addcmul in place", "a.clone().addcmul_(b, c, value=0.7)", three, t => t[0].clone().addcmul_(t[1], t[2], 0.7));
        Add("addcdiv", "torch.addcdiv(a, b, c, value=0.7)", three, t => t[0].addcdiv(t[1], t[2], 0.7));
        Add("addcdiv in place", "a.clone().addcdiv_(b, c, value=0.7)", three, t => t[0].clone().addcdiv_(t[1], t[2], 0.7));
        Add("lerp", "torch.lerp(a, b, 0.3)", two, t => t[0].lerp(t[1], 0.3));
        Add("remainder", "torch.remainder(a, 0.7)", one, t => t[0] % 0.7, gradients: false);
        Add("fmod", "torch.fmod(a, 0.7)", one, t => t[0].fmod(0.7), gradients: false);
        Add("integer division keeps floats", "a.div(3)", () => [Integers(9, 6)], t => t[0].div(3), gradients: false);

        foreach (var (name, run) in Unary)
            Add(name, $"torch.{name}(a)", one, run);
        foreach (var (name, run) in OfPositive)
            Add(name, $"torch.{name}(a)", positive, run);
        Add("pow scalar", "a ** 3", one, t => t[0].pow(3));
        Add("pow tensor", "a ** b", () => [Positive(3, 4), Normal(3, 4)], t => t[0].pow(t[1]));
        Add("clamp", "a.clamp(-0.5, 0.8)", one, t => t[0].clamp(-0.5, 0.8));
        Add("clamp min only", "a.clamp(min=0.1)", one, t => t[0].clamp(0.1));
        Add("clamp in place", "a.clone().clamp_(-0.5, 0.8)", one, t => t[0].clone().clamp_(-0.5, 0.8));
        Add("clamp tensors", "a.clamp(b - 1, b)", two, t => t[0].clamp(t[1] - 1, t[1]));
        Add("minimum", "torch.minimum(a, b)", two, t => t[0].minimum(t[1]));
        Add("maximum", "torch.maximum(a, b)", two, t => t[0].maximum(t[1]));
        Add("where", "torch.where(a > 0.2, a, b)", two, t => torch.where(t[0] > 0.2, t[0], t[1]));

        AddMany("comparisons", "[a == b, a != b, a < b, a <= b, a > b, a >= b, a == 1, a != 1, a < 1, a <= 1, a > 1, a >= 1]",
            () => [Integers(3, 12), Integers(4, 12)],
            t => [t[0] == t[1], t[0] != t[1], t[0] < t[1], t[0] <= t[1], t[0] > t[1], t[0] >= t[1], t[0] == 1, t[0] != 1, t[0] < 1, t[0] <= 1, t[0] > 1, t[0] >= 1],
            gradients: false);
        AddMany("tests of numbers", "[torch.isfinite(a), torch.isnan(a), torch.isinf(a), torch.logical_not(a)]",
            () => [torch.tensor(new[] { 1f, float.NaN, float.PositiveInfinity, 0f })],
            t => [t[0].isfinite(), t[0].isnan(), t[0].isinf(), t[0].logical_not()], gradients: false);
        AddMany("logic", "[a & b, a | b, torch.nonzero(a)]", () => [Integers(2, 9) == 1, Integers(3, 9) == 1],
            t => [t[0].logical_and(t[1]), t[0].logical_or(t[1]), t[0].nonzero()], gradients: false);
    }

    private static IEnumerable<(string, Func<torch.Tensor[], torch.Tensor>)> Unary =>
    [
        ("abs", t => t[0].abs()), ("exp", t => t[0].exp()), ("square", t => t[0].square()), ("sin", t => t[0].sin()), ("cos", t => t[0].cos()),
        ("floor", t => t[0].floor()), ("ceil", t => t[0].ceil()), ("round", t => t[0].round()), ("sign", t => t[0].sign()), ("erf", t => t[0].erf()),
        ("sigmoid", t => t[0].sigmoid()), ("tanh", t => t[0].tanh()), ("relu", t => t[0].relu()),
    ];

    private static IEnumerable<(string, Func<torch.Tensor[], torch.Tensor>)> OfPositive =>
    [
        ("sqrt", t => t[0].sqrt()), ("rsqrt", t => t[0].rsqrt()), ("log", t => t[0].log()), ("log1p", t => t[0].log1p()), ("reciprocal", t => t[0].reciprocal()),
    ];
}
