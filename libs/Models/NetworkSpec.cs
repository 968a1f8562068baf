using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fewshot.Models;

/// <summary>One structural change to a network, described by data so that it travels in a checkpoint's metadata.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DropBlock), "drop_block")]
[JsonDerivedType(typeof(CompressBlock), "compress_block")]
public abstract record Edit;

/// <summary>Removes a residual block whose shortcut is the identity, named as in the unpruned variant (<c>layer1.1</c>).</summary>
public sealed record DropBlock(string Block) : Edit;

/// <summary>
/// Removes a transformer block's attention with its norm and keeps <paramref name="Hidden"/> hidden units of its MLP (DC-ViT, arXiv 2403.18708,
/// section 3.1): the given ones, ascending, or as many drawn with the seed.
/// </summary>
public sealed record CompressBlock(string Block, int Hidden, ulong Seed = 0, IReadOnlyList<int>? Units = null) : Edit
{
    /// <summary>The kept units out of <paramref name="total"/>, ascending; null where the edit asks for units that are not there.</summary>
    public long[]? UnitsOf(int total)
    {
        if (Hidden < 1 || Hidden > total)
            return null;
        if (Units is not null)
        {
            var ascending = Units.Zip(Units.Skip(1)).All(pair => pair.First < pair.Second);
            return Units.Count == Hidden && ascending && Units[0] >= 0 && Units[^1] < total ? [.. Units] : null;
        }

        // Every block draws its own: the same units everywhere would tie the blocks to each other.
        var key = Block.Aggregate(Seed, (mixed, character) => Initialization.Mix(mixed, character));
        return [.. Enumerable.Range(0, total).OrderBy(unit => Initialization.Mix(key, (ulong)unit)).Take(Hidden).Order().Select(unit => (long)unit)];
    }

    /// <summary>Equal by value, the units included.</summary>
    public bool Equals(CompressBlock? other) =>
        other is not null && (Block, Hidden, Seed) == (other.Block, other.Hidden, other.Seed)
        && (Units is null ? other.Units is null : other.Units is not null && Units.SequenceEqual(other.Units));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Block, Hidden, Seed);
}

/// <summary>Everything that says what a network is except its weights.</summary>
/// <param name="Variant">Name in <see cref="ModelCatalog"/>.</param>
/// <param name="Classes">Outputs of the classifier.</param>
/// <param name="Preprocessing">How an image becomes the input.</param>
/// <param name="Edits">Changes to the variant, in the order in which they were made.</param>
public sealed record NetworkSpec(string Variant, int Classes, Preprocessing Preprocessing, IReadOnlyList<Edit> Edits)
{
    internal const int MaxClasses = 1_000_000;
    private const int MaxEdits = 10_000;

    /// <summary>The description as JSON with a fixed order of fields.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SpecJson.Default.NetworkSpec);

    /// <summary>Reads a description and checks every field but the variant's and the blocks' names, which the catalog checks.</summary>
    /// <exception cref="InvalidSpecException">Not such JSON; the message names the field.</exception>
    public static NetworkSpec FromJson(string json)
    {
        NetworkSpec? spec;
        try
        {
            spec = JsonSerializer.Deserialize(json, SpecJson.Default.NetworkSpec);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidSpecException($"The network description cannot be read: {(e as JsonException)?.Path ?? "$"} is malformed or unknown to this version.", e);
        }

        if (spec is not { Variant: { Length: > 0 and < 200 }, Preprocessing: not null, Edits: not null })
            throw new InvalidSpecException("The network description needs variant, classes, preprocessing and edits.");
        if (spec.Classes is < 1 or > MaxClasses)
            throw new InvalidSpecException($"classes is {spec.Classes}; it takes 1 to {MaxClasses}.");
        if (spec.Edits.Any(edit => edit is null or DropBlock { Block: null } or CompressBlock { Block: null }))
            throw new InvalidSpecException("edits holds an empty edit.");
        if (spec.Edits.Count > MaxEdits)
            throw new InvalidSpecException($"edits holds {spec.Edits.Count}; at most {MaxEdits} are taken.");
        spec.Preprocessing.Checked();
        return spec;
    }

    /// <summary>Equal by value, the edits included.</summary>
    public bool Equals(NetworkSpec? other) =>
        other is not null && Variant == other.Variant && Classes == other.Classes && Preprocessing == other.Preprocessing
        && Edits.SequenceEqual(other.Edits);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Variant, Classes, Preprocessing, Edits.Count);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(NetworkSpec))]
internal sealed partial class SpecJson : JsonSerializerContext;
