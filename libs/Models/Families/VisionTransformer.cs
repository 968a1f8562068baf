using System.Globalization;
using System.Text.RegularExpressions;

namespace Fewshot.Models.Families;

/// <summary>
/// ViT (Dosovitskiy et al., arXiv 2010.11929, table 1) and DeiT (Touvron et al., arXiv 2012.12877), pre-norm, names as in timm: <c>blocks.{i}</c>.
/// Every block can be dropped or compressed. Other sizes have names that say them, <c>vit_d128_l6_h4_m256_p4</c>: width, layers, heads, hidden units
/// of the MLP, patch (and <c>_distilled</c>). <c>vit</c> alone takes all but the heads from a checkpoint's shapes. Image size and channels are the preprocessing's.
/// </summary>
internal sealed partial record VisionTransformer : Variant
{
    private const string FamilyName = "vit";
    private const double Epsilon = 1e-6;
    private static readonly Preprocessing Augreg = new(224, 248, "bicubic", [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], "random_resized_crop_flip");
    private static readonly Preprocessing DeiT = Augreg with { Mean = Preprocessing.ImageNet.Mean, Std = Preprocessing.ImageNet.Std };

    /// <summary>Letter of the paper, width, layers, heads.</summary>
    private static readonly (string Size, int Width, int Layers, int Heads)[] Sizes = [("tiny", 192, 12, 3), ("small", 384, 12, 6), ("base", 768, 12, 12), ("large", 1024, 24, 16)];

    private readonly Shape? shape;

    private VisionTransformer(string name, Shape? shape, Preprocessing preprocessing, int classes = 1000)
        : base(name, FamilyName, classes, preprocessing) => this.shape = shape;

    /// <summary>The family's line in the catalog.</summary>
    public static Family Entry { get; } = new(FamilyName,
    [
        .. from patch in new[] { 16, 32 }
           from size in Sizes
           select new VisionTransformer($"vit_{size.Size}_patch{patch}_224", Shape.Usual(size, patch, distilled: false), Augreg),
        .. from distilled in new[] { false, true }
           from size in Sizes[..3]
           select new VisionTransformer($"deit_{size.Size}{(distilled ? "_distilled" : "")}_patch16_224", Shape.Usual(size, 16, distilled), DeiT),
    ], Parse);

    internal override bool IsGeneric => shape is null;

    internal override void Compose(NetworkBuilder build)
    {
        if (shape is not { } s)
            throw new InvalidSpecException($"{Name} takes its sizes from a checkpoint; to build one, name a variant such as vit_tiny_patch16_224, or its sizes: vit_d128_l6_h4_m256_p4.");
        if (s.Width % s.Heads != 0)
            throw new InvalidSpecException($"{s.Heads} heads do not divide the width {s.Width}; it can have {Divisors(s.Width)}.");
        if (build.ImageSize % s.Patch != 0)
            throw new InvalidSpecException($"Images of {build.ImageSize} pixels cannot be cut into patches of {s.Patch}; choose a multiple of it.");
        var patches = (long)(build.ImageSize / s.Patch) * (build.ImageSize / s.Patch);
        var tokens = new TokenEmbeddings(s.Distilled, patches, s.Width);
        build.Stem(new PatchEmbedding(tokens, new Linear(
            "patch_embed.proj", "patch_embed.proj", [s.Width, build.Channels, s.Patch, s.Patch], hasBias: true, StreamRole.None, Initial.UniformFanIn, Initial.Zeros), s.Patch));
        var kept = 0;
        for (var index = 0; index < s.Layers; index++)
        {
            var name = $"blocks.{index}";
            var units = build.KeptHidden(name, s.Hidden);
            if (!build.IsDropped(name, canDrop: true))
                build.Add(new TransformerBlock(new BlockPlace(name, $"blocks.{kept}", 0, Droppable: true), Parts(build, s, name, $"blocks.{kept++}", units), s.ExtraTokens));
        }

        build.Tail(new NormTail(Norm("norm", "norm", s.Width), s.ExtraTokens));
        Linear Classifier(string name) => build.Linear(name, name, s.Width, build.Classes, weightInitial: Initial.Normal002);
        build.Head(new TokenHead(Classifier("head"), s.Distilled ? Classifier("head_dist") : null));
    }

    /// <summary>torchvision's names.</summary>
    internal override string Translate(string key) => key switch
    {
        "class_token" => "cls_token",
        "encoder.pos_embedding" => "pos_embed",
        _ when key.StartsWith("conv_proj.", StringComparison.Ordinal) => "patch_embed.proj." + key["conv_proj.".Length..],
        _ when key.StartsWith("encoder.ln.", StringComparison.Ordinal) => "norm." + key["encoder.ln.".Length..],
        _ when key.StartsWith("heads.head.", StringComparison.Ordinal) => "head." + key["heads.head.".Length..],
        _ when TorchvisionBlock().Match(key) is { Success: true } match && LayerOf(match.Groups["layer"].Value) is { } layer =>
            $"blocks.{match.Groups["block"].Value}.{layer}",
        _ => key,
    };

    /// <summary>Sizes as the checkpoint has them: a named variant's must be its own, image size and channels may differ.</summary>
    internal override (Variant Variant, Preprocessing Preprocessing) Fit(Func<string, long[]?> shapeOf, int? heads)
    {
        if (shapeOf("patch_embed.proj.weight") is not [var width, var channels, var patch, _] || shapeOf("pos_embed") is not [_, var tokens, _]
            || shapeOf("blocks.0.mlp.fc1.weight") is not [var hidden, _])
            return shape is null
                ? throw new CheckpointException("The file holds no vision transformer: patch_embed.proj.weight, pos_embed or blocks.0.mlp.fc1.weight misses, or is of another shape.")
                : (this, Preprocessing);
        var distilled = shapeOf("dist_token") is not null;
        var layers = Enumerable.Range(0, 1000).TakeWhile(index => shapeOf($"blocks.{index}.norm1.weight") is not null).Count();
        var side = (long)Math.Round(Math.Sqrt(tokens - (distilled ? 2 : 1)));
        var variant = shape is null ? Of((int)width, layers, heads ?? HeadsOf(width), (int)hidden, (int)patch, distilled) : this;
        if (heads is not null && heads != variant.shape!.Heads)
            throw new CheckpointException($"{Name} has {variant.shape.Heads} heads, not {heads}.");
        if (IsGeneric && width % variant.shape!.Heads != 0)
            throw new CheckpointException($"{heads} heads do not divide the width {width} of the checkpoint; it can have {Divisors((int)width)}.");
        return (variant, variant.Preprocessing.At((int)Math.Clamp(side * patch, 8, 4096), channels == 1 ? 1 : 3));
    }

    private static VisionTransformer Of(int width, int layers, int heads, int hidden, int patch, bool distilled)
    {
        var sizes = new Shape(width, layers, heads, hidden, patch, distilled);
        return Entry.Variants.OfType<VisionTransformer>().FirstOrDefault(variant => variant.shape == sizes) ?? Named(sizes);
    }

    private static VisionTransformer Named(Shape shape) => new(shape.ToString(), shape, shape.Patch < 14 ? Augreg.At(32, 3) : Augreg, shape.Patch < 14 ? 10 : 1000);

    private static int HeadsOf(long width) => Sizes.FirstOrDefault(size => size.Width == width) is { Heads: > 0 } known
        ? known.Heads
        : throw new CheckpointException($"A checkpoint does not say how many heads attention has: give the number (--heads) for the width {width}; it can have {Divisors((int)width)}.");

    private static VisionTransformer? Parse(string name)
    {
        if (name is "vit" or "deit")
            return new VisionTransformer(name, null, name == "vit" ? Augreg : DeiT);
        var match = ShapeName().Match(name);
        if (!match.Success)
            return null;
        int Number(string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
        var sizes = new Shape(Number("width"), Number("layers"), Number("heads"), Number("hidden"), Number("patch"), match.Groups["distilled"].Success);
        return sizes.Width % sizes.Heads == 0 ? Named(sizes) : throw new InvalidSpecException($"{sizes.Heads} heads do not divide the width {sizes.Width}; it can have {Divisors(sizes.Width)}.");
    }

    private static TransformerParts Parts(NetworkBuilder build, Shape s, string name, string checkpoint, long[]? units)
    {
        Linear Linear(string layer, long inputs, long outputs, StreamRole role, long[]? rows = null, long[]? columns = null) =>
            build.Linear($"{name}.{layer}", $"{checkpoint}.{layer}", inputs, outputs, role, rows: rows, columns: columns);
        LayerNorm NormOf(string layer) => Norm($"{name}.{layer}", $"{checkpoint}.{layer}", s.Width);
        var attention = units is not null ? null : new Attention(
            NormOf("norm1"), Linear("attn.qkv", s.Width, 3 * s.Width, StreamRole.Reads), Linear("attn.proj", s.Width, s.Width, StreamRole.Writes), s.Heads);
        var hidden = units?.Length ?? s.Hidden;
        return new TransformerParts(
            attention, NormOf("norm2"), Linear("mlp.fc1", s.Width, hidden, StreamRole.Reads, rows: units), Linear("mlp.fc2", hidden, s.Width, StreamRole.Writes, columns: units));
    }

    private static LayerNorm Norm(string name, string checkpoint, long width) => new(name, checkpoint, width, Epsilon);

    private static string? LayerOf(string torchvision) => torchvision switch
    {
        "ln_1.weight" or "ln_1.bias" => "norm1" + torchvision[4..],
        "ln_2.weight" or "ln_2.bias" => "norm2" + torchvision[4..],
        "self_attention.in_proj_weight" => "attn.qkv.weight",
        "self_attention.in_proj_bias" => "attn.qkv.bias",
        "self_attention.out_proj.weight" => "attn.proj.weight",
        "self_attention.out_proj.bias" => "attn.proj.bias",
        "mlp.0.weight" or "mlp.linear_1.weight" => "mlp.fc1.weight",
        "mlp.0.bias" or "mlp.linear_1.bias" => "mlp.fc1.bias",
        "mlp.3.weight" or "mlp.linear_2.weight" => "mlp.fc2.weight",
        "mlp.3.bias" or "mlp.linear_2.bias" => "mlp.fc2.bias",
        _ => null,
    };

    private static string Divisors(int width) => string.Join(", ", Enumerable.Range(1, Math.Min(width, 256)).Where(heads => width % heads == 0));

    [GeneratedRegex(@"^vit_d(?<width>[1-9]\d{0,4})_l(?<layers>[1-9]\d{0,2})_h(?<heads>[1-9]\d{0,2})_m(?<hidden>[1-9]\d{0,5})_p(?<patch>[1-9]\d{0,2})(?<distilled>_distilled)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ShapeName();

    [GeneratedRegex(@"^encoder\.layers\.encoder_layer_(?<block>\d{1,3})\.(?<layer>[a-z0-9_.]+)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TorchvisionBlock();

    private sealed record Shape(int Width, int Layers, int Heads, int Hidden, int Patch, bool Distilled)
    {
        public int ExtraTokens => Distilled ? 2 : 1;

        public static Shape Usual((string Size, int Width, int Layers, int Heads) size, int patch, bool distilled) =>
            new(size.Width, size.Layers, size.Heads, 4 * size.Width, patch, distilled);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"vit_d{Width}_l{Layers}_h{Heads}_m{Hidden}_p{Patch}{(Distilled ? "_distilled" : "")}");
    }
}
