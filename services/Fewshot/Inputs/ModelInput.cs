using Fewshot.Cli.Options;
using Fewshot.Models;

namespace Fewshot.Cli.Inputs;

/// <summary>Any checkpoint as a network of the catalog, with the preprocessing the options ask for.</summary>
internal static class ModelInput
{
    /// <exception cref="CommandException">The file or the architecture does not exist, or they do not fit each other.</exception>
    public static Network Load(ModelSettings settings) => FromFile(settings, (path, name, options) => Checkpoint.Import(path, name, options));

    /// <summary>What the file, or the architecture where no file is named, is; no tensor is made.</summary>
    /// <inheritdoc cref="Load"/>
    public static NetworkSpec Describe(ModelSettings settings)
    {
        if (settings.Path.Length > 0) return FromFile(settings, Checkpoint.Identify);
        if (settings.Architecture is null) throw CommandException.Usage("give --arch or --model");
        try
        {
            var variant = ModelCatalog.Find(settings.Architecture);
            return variant.Spec(preprocessing: Override(variant.Preprocessing, settings));
        }
        catch (ModelException exception)
        {
            throw CommandException.BadInput($"--arch: {exception.Message}", exception);
        }
    }

    /// <summary>A network with the weights that training of an architecture starts from.</summary>
    public static Network Fresh(ModelSettings settings, int classes, ulong seed)
    {
        if (settings.Architecture is null) throw CommandException.Usage("give --arch to train from scratch, or --model to go on from a checkpoint");
        try
        {
            var variant = ModelCatalog.Find(settings.Architecture);
            return ModelCatalog.Build(variant.Spec(classes, Override(variant.Preprocessing, settings)), seed: seed);
        }
        catch (ModelException exception)
        {
            throw CommandException.BadInput($"--arch: {exception.Message}", exception);
        }
    }

    /// <exception cref="CommandException">A name is no droppable block; the message lists those.</exception>
    public static string[] Blocks(Network network, string[]? names)
    {
        var droppable = network.Blocks.Where(block => block.Droppable).Select(block => block.Name).ToArray();
        if (names is null) return droppable;
        var unknown = names.Where(name => !droppable.Contains(name)).ToArray();
        if (unknown.Length > 0)
            throw CommandException.BadInput($"--blocks: {string.Join(", ", unknown)} cannot be dropped; {network.Spec.Variant} lets go of {string.Join(", ", droppable)}");
        return [.. names.Distinct()];
    }

    private static T FromFile<T>(ModelSettings settings, Func<string, string, ImportOptions, T> read)
    {
        if (Directory.Exists(settings.Path)) throw CommandException.BadInput($"--model: '{settings.Path}' is a folder; name a checkpoint file");
        if (!File.Exists(settings.Path)) throw CommandException.BadInput($"--model: there is no file '{settings.Path}'");
        try
        {
            var own = Checkpoint.ReadSpec(settings.Path);
            var name = settings.Architecture ?? own?.Variant ?? throw CommandException.BadInput(
                "--arch is missing: the checkpoint does not say what network it is; 'fewshot models' lists the names");
            return read(settings.Path, name, new ImportOptions(standard => Override(standard, settings), settings.Heads, settings.InterpolatePositions));
        }
        catch (UnknownArchitectureException exception)
        {
            throw CommandException.BadInput($"--arch: {exception.Message}", exception);
        }
        catch (ModelException exception)
        {
            throw CommandException.BadInput($"--model: {exception.Message}", exception);
        }
    }

    private static double[] PerChannel(string option, double[]? given, double[] standard) => given switch
    {
        null => standard,
        [var one] => [.. standard.Select(_ => one)],
        _ when given.Length == standard.Length => given,
        _ => throw CommandException.BadInput($"{option} has {given.Length} values; this network's images have {standard.Length} channel{(standard.Length == 1 ? "" : "s")}"),
    };

    private static Preprocessing Override(Preprocessing standard, ModelSettings settings)
    {
        var rule = settings.Resize is not null && ResizeRule.TryParse(settings.Resize, out var given) ? given : (ResizeRule?)null;
        var size = settings.Size ?? standard.Size;
        // Another input size keeps the family's proportion of resize to crop unless the user says otherwise.
        var resize = rule?.Pixels ?? (size == standard.Size ? standard.Resize : (int)Math.Round((double)standard.Resize * size / standard.Size));
        return standard with
        {
            Mean = PerChannel("--mean", settings.Mean, standard.Mean),
            Std = PerChannel("--std", settings.Std, standard.Std),
            Size = size,
            Resize = resize,
            ResizeBothSides = rule?.BothSides ?? standard.ResizeBothSides,
            Interpolation = settings.Interpolation ?? standard.Interpolation,
            Augmentation = settings.Augmentation?.Replace('-', '_') ?? standard.Augmentation,
        };
    }
}
