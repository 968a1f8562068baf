using System.Globalization;
using System.Text.RegularExpressions;

namespace Fewshot.Models.Families;

/// <summary>
/// Swin (Liu et al., arXiv 2103.14030, section 3.3), names as in timm: <c>layers.{stage}.blocks.{i}</c>, a stage's <c>layers.{stage}.downsample</c> at its start.
/// What can be dropped is a pair of successive blocks, <c>layers.2.blocks.2-3</c>. Other sizes have names that say them, <c>swin_d32_l2-4_h2-4_w7</c>: width
/// of the first stage, layers and heads of each, window; <c>swin</c> alone takes them from a checkpoint. Maps are padded to whole windows as in torchvision.
/// </summary>
internal sealed partial record SwinTransformer : Variant
{
    private const string FamilyName = "swin";
    private const int Patch = 4, MlpRatio = 4, MaxWidth = 9999, MaxStages = 8;
    private const double Epsilon = 1e-5;
    private static readonly Preprocessing Published = Preprocessing.ImageNet with { Resize = 248, Interpolation = "bicubic" };
    private static readonly string[] Computed = [".relative_position_index", ".attn_mask"];
    private readonly Shape? shape;

    private SwinTransformer(string name, Shape? shape)
        : base(name, FamilyName, 1000, Published) => this.shape = shape;

    /// <summary>The family's line in the catalog.</summary>
    public static Family Entry { get; } = new(FamilyName,
    [
        new SwinTransformer("swin_tiny_patch4_window7_224", new Shape(96, [2, 2, 6, 2], [3, 6, 12, 24], 7)),
        new SwinTransformer("swin_small_patch4_window7_224", new Shape(96, [2, 2, 18, 2], [3, 6, 12, 24], 7)),
        new SwinTransformer("swin_base_patch4_window7_224", new Shape(128, [2, 2, 18, 2], [4, 8, 16, 32], 7)),
    ], Parse);

    internal override bool IsGeneric => shape is null;

    internal override void Compose(NetworkBuilder build)
    {
        var s = shape ?? throw new InvalidSpecException($"{Name} takes its sizes from a checkpoint; to build one, name a variant such as swin_tiny_patch4_window7_224, or its sizes: swin_d32_l2-4_h2-4_w7.");
        s.Check(message => new InvalidSpecException(message));
        var multiple = Patch << (s.Stages - 1);
        if (build.ImageSize % multiple != 0)
            throw new InvalidSpecException($"Images of {build.ImageSize} pixels cannot be halved through {s.Stages} stages; choose a multiple of {multiple}.");
        build.Stem(new PatchStem(
            new Linear("patch_embed.proj", "patch_embed.proj", [s.Width, build.Channels, Patch, Patch], hasBias: true, StreamRole.None, Initial.UniformFanIn, Initial.Zeros),
            Norm("patch_embed.norm", s.Width), Patch));
        for (var stage = 0; stage < s.Stages; stage++)
            AddStage(build, s, stage);
        build.Tail(new NormTail(Norm("norm", s.WidthOf(s.Stages - 1)), extraTokens: 0));
        build.Head(new AverageHead(build.Linear("head.fc", "head.fc", s.WidthOf(s.Stages - 1), build.Classes), 1, 2));
    }

    /// <summary>torchvision's names, and those of the original files and old timm: the downsampling at its stage's end, <c>head</c> alone, tensors that follow from the sizes.</summary>
    internal override Func<string, string?> Translator(IReadOnlyCollection<string> keys)
    {
        var atTheEnd = keys.Any(key => key.StartsWith("layers.0.downsample.", StringComparison.Ordinal));
        return key => Computed.Any(computed => key.EndsWith(computed, StringComparison.Ordinal)) ? null : Native(key, atTheEnd);
    }

    /// <summary>Sizes as the checkpoint has them; its image size does not show.</summary>
    internal override (Variant Variant, Preprocessing Preprocessing) Fit(Func<string, long[]?> shapeOf, int? heads)
    {
        if (heads is not null)
            throw new CheckpointException($"{Name} reads its heads from the checkpoint: leave the number (--heads) out.");
        var channels = shapeOf("patch_embed.proj.weight") is [_, 1, _, _] ? 1 : 3;
        if (shape is not null)
            return (this, Preprocessing.At(Preprocessing.Size, channels));
        if (shapeOf("patch_embed.proj.weight") is not [> 0 and <= MaxWidth and var width, _, Patch, Patch] || Table(0) is not [var offsets, _])
            throw new CheckpointException($"The file holds no Swin transformer: patch_embed.proj.weight or layers.0.blocks.0.attn.relative_position_bias_table misses, or is of another shape.");
        long[]? Table(int stage, int block = 0) => shapeOf($"layers.{stage}.blocks.{block}.attn.relative_position_bias_table");
        var stages = Enumerable.Range(0, MaxStages).TakeWhile(stage => Table(stage) is [_, > 0 and <= MaxWidth]).ToArray();
        var layers = stages.Select(stage => Enumerable.Range(0, 1000).TakeWhile(block => Table(stage, block) is not null).Count());
        var sizes = new Shape((int)width, [.. layers], [.. stages.Select(stage => (int)Table(stage)![1])], ((int)Math.Round(Math.Sqrt(offsets)) + 1) / 2);
        sizes.Check(message => new CheckpointException(message));
        return (Entry.Variants.OfType<SwinTransformer>().FirstOrDefault(variant => sizes.Equals(variant.shape)) ?? new SwinTransformer(sizes.ToString(), sizes), Preprocessing.At(Preprocessing.Size, channels));
    }

    private static void AddStage(NetworkBuilder build, Shape s, int stage)
    {
        var width = s.WidthOf(stage);
        if (stage > 0)
        {
            var name = $"layers.{stage}.downsample";
            build.IsDropped(name, canDrop: false);
            build.Add(new PatchMerging(new BlockPlace(name, name, stage, Droppable: false), Norm($"{name}.norm", 2 * width),
                build.Linear($"{name}.reduction", $"{name}.reduction", 2 * width, width, StreamRole.Reads | StreamRole.Writes, bias: false)));
        }

        var kept = 0;
        for (var index = 0; index < s.Layers[stage]; index += 2)
        {
            var name = $"layers.{stage}.blocks.{index}-{index + 1}";
            if (build.IsDropped(name, canDrop: true))
                continue;
            build.Add(new WindowPair(
                new BlockPlace(name, $"layers.{stage}.blocks.{kept}-{kept + 1}", stage, Droppable: true),
                BlockOf(build, s, stage, index, kept), BlockOf(build, s, stage, index + 1, kept + 1)));
            kept += 2;
        }
    }

    private static WindowBlock BlockOf(NetworkBuilder build, Shape s, int stage, int index, int kept)
    {
        var (name, checkpoint, width, heads) = ($"layers.{stage}.blocks.{index}", $"layers.{stage}.blocks.{kept}", s.WidthOf(stage), s.Heads[stage]);
        Linear Linear(string layer, long inputs, long outputs, StreamRole role) => build.Linear($"{name}.{layer}", $"{checkpoint}.{layer}", inputs, outputs, role);
        LayerNorm NormOf(string layer) => new($"{name}.{layer}", $"{checkpoint}.{layer}", width, Epsilon);
        return new WindowBlock(
            new WindowAttention(
                new Attention(NormOf("norm1"), Linear("attn.qkv", width, 3 * width, StreamRole.Reads), Linear("attn.proj", width, width, StreamRole.Writes), heads),
                new RelativePositions($"{name}.attn", $"{checkpoint}.attn", s.Window, heads), s.Window, shifted: index % 2 == 1),
            new Mlp(NormOf("norm2"), Linear("mlp.fc1", width, MlpRatio * width, StreamRole.Reads), Linear("mlp.fc2", MlpRatio * width, width, StreamRole.Writes)));
    }

    private static LayerNorm Norm(string name, long width) => new(name, name, width, Epsilon);

    private static string Native(string key, bool downsampleAtTheEnd)
    {
        if (key is "head.weight" or "head.bias")
            return "head.fc" + key["head".Length..];
        if (downsampleAtTheEnd && Downsample().Match(key) is { Success: true } end)
            return $"layers.{Number(end, "stage") + 1}.downsample.{end.Groups["rest"].Value}";
        if (Torchvision().Match(key) is not { Success: true } match)
            return key;
        // features.0: patches; odd ones: a stage's blocks; even ones: the reduction that starts the next stage.
        var (place, rest) = (Number(match, "place"), match.Groups["rest"].Value);
        if (place == 0)
            return rest switch { "0.weight" or "0.bias" => "patch_embed.proj" + rest[1..], "2.weight" or "2.bias" => "patch_embed.norm" + rest[1..], _ => key };
        if (place % 2 == 0)
            return $"layers.{place / 2}.downsample.{rest}";
        return $"layers.{place / 2}.blocks." + rest.Replace(".mlp.0.", ".mlp.fc1.", StringComparison.Ordinal).Replace(".mlp.3.", ".mlp.fc2.", StringComparison.Ordinal);
    }

    private static SwinTransformer? Parse(string name)
    {
        if (name == FamilyName)
            return new SwinTransformer(name, null);
        var match = ShapeName().Match(name);
        if (!match.Success)
            return null;
        int[] Numbers(string group) => [.. match.Groups[group].Value.Split('-').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        var sizes = new Shape(Number(match, "width"), Numbers("layers"), Numbers("heads"), Number(match, "window"));
        sizes.Check(message => new InvalidSpecException(message));
        return new SwinTransformer(name, sizes);
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^swin_d(?<width>[1-9]\d{0,3})_l(?<layers>[1-9]\d{0,2}(-[1-9]\d{0,2}){0,7})_h(?<heads>[1-9]\d{0,2}(-[1-9]\d{0,2}){0,7})_w(?<window>[1-9]\d?)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ShapeName();

    [GeneratedRegex(@"^layers\.(?<stage>\d{1,2})\.downsample\.(?<rest>.+)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Downsample();

    [GeneratedRegex(@"^features\.(?<place>\d{1,2})\.(?<rest>.+)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Torchvision();

    /// <summary>Width of the first stage (each next one doubles it), layers and heads of each, side of a window.</summary>
    private sealed record Shape(int Width, int[] Layers, int[] Heads, int Window)
    {
        public int Stages => Layers.Length;

        public int WidthOf(int stage) => Width << stage;

        public void Check(Func<string, Exception> refusal)
        {
            if (Heads.Length != Stages || Layers.Any(count => count % 2 != 0))
                throw refusal($"Swin has an even number of layers and a number of heads in each stage, not {string.Join('-', Layers)} layers and {string.Join('-', Heads)} heads.");
            for (var stage = 0; stage < Stages; stage++)
            {
                if (WidthOf(stage) % Heads[stage] != 0)
                    throw refusal($"{Heads[stage]} heads do not divide the width {WidthOf(stage)} of stage {stage}.");
            }
        }

        public bool Equals(Shape? other) =>
            other is not null && (Width, Window) == (other.Width, other.Window) && Layers.AsSpan().SequenceEqual(other.Layers) && Heads.AsSpan().SequenceEqual(other.Heads);

        public override int GetHashCode() => HashCode.Combine(Width, Window, Stages);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"swin_d{Width}_l{string.Join('-', Layers)}_h{string.Join('-', Heads)}_w{Window}");
    }
}
