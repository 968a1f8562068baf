using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot train</c>: trains a network on labeled images.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var model = new ModelOptions(modelRequired: false);
        var images = new ImageOptions("labeled images: a folder of class folders, or a list file", sampled: false);
        var seed = OptionKinds.Seed("seed of the first weights and of every random choice", 2021);
        var optimizer = new OptimizerOptions("--iterations", "training iterations", 1000, 0.1);
        var kind = OptionKinds.Word("--optimizer", "sgd with momentum, or adamw with warm-up and cosine decay, which transformers need from scratch [then --lr is 0.001 by default]", "sgd", "sgd", "adamw");
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "folder for model.safetensors and report.json", "DIR");
        output.Required = true;
        var command = new Command("train", "Trains a network on labeled images by cross entropy, from scratch (--arch) or from a checkpoint (--model).");
        model.AddTo(command);
        images.AddTo(command);
        command.Add(seed);
        command.Add(kind);
        optimizer.AddTo(command);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var folder = parsed.GetValue(output)!;
            AtomicOutput.CheckFolder("--out", folder);
            var labeled = images.Read(parsed);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            var set = ImageInput.Labeled("--images", labeled.Path, labeled.MaxPixels, training: true, open.Display.Note, ct);
            var settings = model.Read(parsed);
            using var network = model.HasModel(parsed) ? ModelInput.Load(settings) : ModelInput.Fresh(settings, set.ClassCount!.Value, parsed.GetValue(seed));
            var transfer = open.Gateway.Artifacts;
            var networkDigest = await transfer.ModelAsync(network, ct);
            var imagesDigest = await transfer.ImagesAsync(set, ct);
            var adamW = parsed.GetValue(kind) == "adamw";
            var choice = optimizer.Read(parsed);
            if (adamW && !optimizer.HasRate(parsed)) choice = choice with { LearningRate = 0 };
            var request = JobRequests.Train(networkDigest, imagesDigest, choice, adamW, parsed.GetValue(seed), compute.Read(parsed));
            await StageOutput.FolderAsync(open, await open.RunAsync(request, ct), folder, Print, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(byte[] json)
    {
        var report = ReportJson.Parse(json);
        Console.WriteLine($"trained on {report.Number("images"):0} images to a cross entropy of {report.Number("last_loss"):0.####}");
    }
}
