namespace Fewshot.Benchmarks.Synthesis;

/// <summary>What is compared: a network and a method, 50 images.</summary>
internal sealed record Case(string Name, string Method, string File, string Architecture, int? Heads, int Depth)
{
    public const int Images = 50;

    public static IReadOnlyList<Case> All { get; } =
    [
        new("vit", "deepdream", "vit_fashion_mnist.safetensors", "vit", 4, 0),
        new("resnet20", "deepinversion", "resnet20_cifar10.th", "cifar_resnet20", null, 20),
        new("resnet56", "deepinversion", "resnet56_cifar10.th", "cifar_resnet56", null, 56),
    ];

    public static Case Named(string name) => All.FirstOrDefault(one => one.Name == name)
        ?? throw new ArgumentException($"'{name}' is none of {string.Join(", ", All.Select(one => one.Name))}.");
}
