using Fewshot.Models.Families;
using TorchSharp;

namespace Fewshot.Models;

/// <summary>Every network the product knows. Adding a family: its file, and its line here.</summary>
public static class ModelCatalog
{
    private static readonly Family[] Families =
    [
        ResNet.Entry,
        CifarResNet.Entry,
        MobileNetV2.Entry,
        VisionTransformer.Entry,
        SwinTransformer.Entry,
    ];

    /// <summary>The listed variants, by family.</summary>
    public static IReadOnlyList<Variant> Variants { get; } = [.. Families.SelectMany(family => family.Variants)];

    /// <summary>The variant of this name, listed or of any width (<c>mobilenet_v2_0.85</c>).</summary>
    /// <exception cref="UnknownArchitectureException">There is none; the message lists the names.</exception>
    public static Variant Find(string name) =>
        Variants.FirstOrDefault(variant => variant.Name == name)
        ?? Families.Select(family => family.Parse?.Invoke(name)).FirstOrDefault(variant => variant is not null)
        ?? throw new UnknownArchitectureException(
            $"Unknown architecture '{Printed(name)}'. Known: {string.Join(", ", Variants.Select(variant => variant.Name))} (and mobilenet_v2_WIDTH, vit, deit, vit_dWIDTH_lLAYERS_hHEADS_mHIDDEN_pPATCH, swin, swin_dWIDTH_lLAYERS_hHEADS_wWINDOW).");

    /// <summary>A network with the random weights its family starts training from.</summary>
    /// <param name="spec">What to build, edits included.</param>
    /// <param name="device">Where its tensors live; the CPU by default.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <exception cref="UnknownArchitectureException">Unknown variant.</exception>
    /// <exception cref="InvalidEditException">An edit names no droppable block.</exception>
    public static Network Build(NetworkSpec spec, torch.Device? device = null, ulong seed = 0)
    {
        var network = NetworkBuilder.Outline(spec);
        Initialization.Fill(network, seed);
        if (device is not null)
            network.To(device);
        return network;
    }

    /// <summary>Blocks, MACs and params of a network without making its tensors.</summary>
    /// <inheritdoc cref="Build"/>
    public static NetworkCosts Describe(NetworkSpec spec, MacsConvention convention = MacsConvention.Standard)
    {
        using var outline = NetworkBuilder.Outline(spec);
        return outline.Costs(convention);
    }

    private static string Printed(string name) =>
        new([.. name.Take(80).Select(character => char.IsControl(character) ? '?' : character)]);
}
