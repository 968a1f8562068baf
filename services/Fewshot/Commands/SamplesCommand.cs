using System.CommandLine;
using System.Globalization;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Cli.Samples;
using Fewshot.Imaging;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot samples</c>: draws labeled images to try the product with.</summary>
internal static class SamplesCommand
{
    public static Command Create()
    {
        var output = OptionKinds.Text("--out", "folder for train/<class>/*.png and test/<class>/*.png", "DIR");
        output.Required = true;
        var train = OptionKinds.WholeNumber("--train", "training images of each class", 0, 100_000, 100);
        var test = OptionKinds.WholeNumber("--test", "test images of each class", 0, 100_000, 60);
        var seed = OptionKinds.Seed("seed of every random choice", 2021);
        var plain = new Option<bool>("--plain") { Description = "light shapes on dark ground, almost upright, without clutter" };
        var command = new Command("samples", "Draws 32x32 images of ten shapes, to try the other commands with.") { output, train, test, seed, plain };
        command.SetAction((parsed, ct) =>
        {
            var folder = parsed.GetValue(output)!;
            AtomicOutput.CheckFolder("--out", folder);
            var splits = new[] { ("train", parsed.GetValue(train)), ("test", parsed.GetValue(test)) };
            for (var split = 0; split < splits.Length; split++)
                WriteSplit(Path.Combine(folder, splits[split].Item1), parsed.GetValue(seed), split, splits[split].Item2, parsed.GetValue(plain), ct);
            Console.WriteLine($"{ShapeImages.Classes.Count} classes, {parsed.GetValue(train)} training and {parsed.GetValue(test)} test images of each, in {folder}");
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }

    private static void WriteSplit(string folder, ulong seed, int split, int count, bool plain, CancellationToken ct)
    {
        for (var shape = 0; shape < ShapeImages.Classes.Count && count > 0; shape++)
        {
            var target = Directory.CreateDirectory(Path.Combine(folder, ShapeImages.Classes[shape])).FullName;
            Parallel.For(0, count, new ParallelOptions { CancellationToken = ct }, index => File.WriteAllBytes(
                Path.Combine(target, index.ToString("00000", CultureInfo.InvariantCulture) + ".png"),
                PngEncoder.Encode(ShapeImages.Draw(seed, split, shape, index, plain))));
        }
    }
}
