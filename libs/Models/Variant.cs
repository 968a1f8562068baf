namespace Fewshot.Models;

/// <summary>A named configuration of a family.</summary>
/// <param name="Name">Catalog name, such as <c>cifar_resnet56</c>.</param>
/// <param name="Family">Name of its family.</param>
/// <param name="Classes">Outputs of the classifier as published; a checkpoint's own count wins.</param>
/// <param name="Preprocessing">As its published weights expect.</param>
public abstract record Variant(string Name, string Family, int Classes, Preprocessing Preprocessing)
{
    /// <summary>The unpruned network of this variant.</summary>
    public NetworkSpec Spec(int? classes = null, Preprocessing? preprocessing = null) =>
        new(Name, classes ?? Classes, (preprocessing ?? Preprocessing).Checked(), []);

    /// <summary>Adds stem, blocks, tail and classifier to the builder, in the order of the forward pass.</summary>
    internal abstract void Compose(NetworkBuilder build);

    /// <summary>This variant's name for a tensor that another library names <paramref name="key"/>; the same name where nothing is known.</summary>
    internal virtual string Translate(string key) => key;

    /// <summary>The same for a file whose names tell each other's meaning; null for a tensor that follows from the network's sizes and is not read.</summary>
    internal virtual Func<string, string?> Translator(IReadOnlyCollection<string> keys) => Translate;

    /// <summary>Its sizes are read from a checkpoint; it cannot be built without one.</summary>
    internal virtual bool IsGeneric => false;

    /// <summary>The variant and preprocessing that a checkpoint's shapes ask for.</summary>
    /// <param name="shapeOf">Shape of a tensor by this variant's name for it; null where the file has none.</param>
    /// <param name="heads">The number of attention heads, which no shape tells; null when the caller does not say.</param>
    /// <exception cref="CheckpointException">The shapes are none of this family, or the number of heads misses or cannot be.</exception>
    internal virtual (Variant Variant, Preprocessing Preprocessing) Fit(Func<string, long[]?> shapeOf, int? heads) =>
        heads is null ? (this, Preprocessing) : throw new CheckpointException($"{Name} has no attention heads to set.");

    /// <summary>This variant first, then those its weights may turn out to be of when only the family was named (another width).</summary>
    internal virtual IEnumerable<Variant> Relatives() => [this];
}

/// <summary>A family's entry in the catalog.</summary>
/// <param name="Name">Lower-case name.</param>
/// <param name="Variants">Those that are listed.</param>
/// <param name="Parse">Finds a variant that exists without being listed; null where there are none.</param>
internal sealed record Family(string Name, IReadOnlyList<Variant> Variants, Func<string, Variant?>? Parse = null);
