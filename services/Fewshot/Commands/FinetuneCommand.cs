using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot finetune</c>: drops given blocks and trains what is left to mimic the original.</summary>
internal static class FinetuneCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var images = new ImageOptions("unlabeled training images: a folder, read recursively, or a list file");
        var blocks = OptionKinds.Names("--blocks", "the blocks to drop");
        blocks.Required = true;
        var optimizer = new OptimizerOptions("--finetune-iterations", "training iterations", 2000, 0.02);
        var feature = PractiseOptions.FeatureOption();
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "folder for model.safetensors and report.json", "DIR");
        output.Required = true;
        var command = new Command("finetune", "Drops given blocks and finetunes the rest to mimic the original network.");
        model.AddTo(command);
        images.AddTo(command);
        command.Add(blocks);
        optimizer.AddTo(command);
        command.Add(feature);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var folder = parsed.GetValue(output)!;
            AtomicOutput.CheckFolder("--out", folder);
            var sampling = images.Read(parsed);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            using var network = ModelInput.Load(model.Read(parsed));
            var names = ModelInput.Blocks(network, parsed.Given(blocks));
            var transfer = open.Gateway.Artifacts;
            var teacher = await transfer.ModelAsync(network, ct);
            var imagesDigest = await transfer.ImagesAsync(ImageInput.Sample(sampling, open.Display.Note, ct), ct);
            var request = JobRequests.Finetune(teacher, names, imagesDigest, optimizer.Read(parsed), parsed.GetValue(feature)!, sampling.Seed, compute.Read(parsed));
            await StageOutput.FolderAsync(open, await open.RunAsync(request, ct), folder, Print, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(byte[] json)
    {
        var report = ReportJson.Parse(json);
        Console.WriteLine(
            $"mimic loss {report.Number("first_loss"):0.######} before, {report.Number("last_loss"):0.######} after, on {report.Number("images"):0} images");
    }
}
