using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot evaluate</c>: top-1 and top-5 accuracy on labeled images.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var images = new ImageOptions("labeled images: a folder of class folders, or a list file", sampled: false);
        var batchSize = OptionKinds.WholeNumber("--batch-size", "images per forward pass", 1, 65_536, 64);
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "file for the result (JSON)", "FILE");
        var command = new Command("evaluate", "Measures top-1 and top-5 accuracy on labeled images.");
        model.AddTo(command);
        images.AddTo(command);
        command.Add(batchSize);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var path = parsed.GetValue(output);
            if (path is not null) AtomicOutput.CheckFile("--out", path);
            var labeled = images.Read(parsed);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            using var network = ModelInput.Load(model.Read(parsed));
            var transfer = open.Gateway.Artifacts;
            var networkDigest = await transfer.ModelAsync(network, ct);
            var imagesDigest = await transfer.ImagesAsync(
                ImageInput.Labeled("--images", labeled.Path, labeled.MaxPixels, training: false, open.Display.Note, ct), ct);
            var job = await open.RunAsync(JobRequests.Evaluate(networkDigest, imagesDigest, parsed.GetValue(batchSize), compute.Read(parsed)), ct);
            await StageOutput.FileAsync(open, await transfer.ReadAsync(job.ReportDigest, ct), path, Print, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(byte[] json)
    {
        var report = ReportJson.Parse(json);
        var skipped = report.Number("skipped_images") is > 0 and { } count ? $", {count:0} skipped" : "";
        Console.WriteLine(
            $"top-1 {report.Number("top1") * 100:0.00} %, top-5 {report.Number("top5") * 100:0.00} %, cross entropy {report.Number("loss"):0.####}, on {report.Number("images"):0} images{skipped}");
    }
}
