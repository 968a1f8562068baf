using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot compress dcvit</c> and <c>fewshot compress pareto</c>: narrowed MLPs in place of whole blocks until a target is met.</summary>
internal static class DcVitCommand
{
    public static Command Create() => Create(
        "dcvit",
        "Compresses transformer blocks to narrowed MLPs (whole blocks of other networks are dropped) until a target is met, finetuning by mimicking after each (DC-ViT, arXiv 2403.18708).",
        "folder for model.safetensors and report.json",
        several: false);

    public static Command CreatePareto() => Create(
        "pareto",
        "Compresses to several targets by DC-ViT in one job: one network for each, and a table and plot of accuracy, latency and MACs.",
        "folder for a model of each target, report.json and pareto.svg",
        several: true);

    private static Command Create(string name, string description, string outputs, bool several)
    {
        var model = new ModelOptions();
        var images = new ImageOptions("unlabeled training images: a folder, read recursively, or a list file", synthesised: true);
        var dcvit = new DcVitOptions(several);
        var evaluation = OptionKinds.Text("--eval", "labeled images that the accuracy is measured on: a folder of class folders, or a list file", "DIR|LIST");
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", outputs, "DIR");
        output.Required = true;

        var command = new Command(name, description);
        model.AddTo(command);
        images.AddTo(command);
        dcvit.AddTo(command);
        command.Add(evaluation);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            await RunAsync(
                model.Read(parsed), images.Read(parsed), dcvit.Read(parsed), parsed.GetValue(evaluation),
                compute.Read(parsed), session.Read(parsed), parsed.GetValue(output)!, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task RunAsync(
        ModelSettings model, ImageSettings images, DcVitSettings dcvit, string? evaluation,
        ComputeChoice compute, SessionSettings settings, string folder, CancellationToken ct)
    {
        AtomicOutput.CheckFolder("--out", folder);
        await using var session = await Session.OpenAsync(settings, ct);
        var transfer = session.Gateway.Artifacts;
        string networkDigest;
        using (var network = ModelInput.Load(model))
        {
            DcVitTargets.Check(network.Spec, dcvit);
            networkDigest = await transfer.ModelAsync(network, ct);
        }

        var training = await TrainingImages.UploadAsync(transfer, images, dcvit.MetricImages, session.Display.Note, ct);
        var evaluationDigest = evaluation is null
            ? null
            : await transfer.ImagesAsync(ImageInput.Labeled("--eval", evaluation, images.MaxPixels, training: false, session.Display.Note, ct), ct);
        var job = await session.RunAsync(DcVitRequests.Of(dcvit, networkDigest, training, evaluationDigest, images.Seed, compute), ct);

        var report = await transfer.ReadAsync(job.ReportDigest, ct);
        using (var results = new AtomicOutput())
        {
            foreach (var (file, digest) in dcvit.Target.Several ? job.Models.Select(m => (ParetoTable.FileOf(m.MacsRatio), m.Digest)) : [("model.safetensors", job.ModelDigest)])
                await results.AddAsync(Path.Combine(folder, file), stream => transfer.DownloadAsync(digest, stream, ct));
            await results.AddAsync(Path.Combine(folder, "report.json"), stream => stream.WriteAsync(report, ct).AsTask());
            if (dcvit.Target.Several)
            {
                var plot = System.Text.Encoding.UTF8.GetBytes(ParetoPlot.Draw(ReportJson.Parse(report)));
                await results.AddAsync(Path.Combine(folder, "pareto.svg"), stream => stream.WriteAsync(plot, ct).AsTask());
                if (ParetoPlot.Shortcoming is { } shortcoming)
                    session.Display.Note(shortcoming);
            }

            results.Commit();
        }

        await session.EndDisplayAsync();
        if (settings.Json) Console.WriteLine(ReportJson.OneLine(report));
        else if (dcvit.Target.Several) ParetoTable.Print(Screen.Results(), report, folder);
        else CompressionTable.Print(Screen.Results(), report, folder);
    }
}
