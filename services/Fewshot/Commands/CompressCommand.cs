using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot compress METHOD</c>: the whole way from a pretrained network to a faster one.</summary>
internal static class CompressCommand
{
    public static Command Create() => new("compress", "Makes a pretrained network faster.") { CreatePractise(), DcVitCommand.Create(), DcVitCommand.CreatePareto() };

    private static Command CreatePractise()
    {
        var model = new ModelOptions();
        var images = new ImageOptions("unlabeled training images: a folder, read recursively, or a list file", synthesised: true);
        var synthesis = new SyntheticImageOptions(forMetric: false);
        var practise = new PractiseOptions();
        var evaluation = OptionKinds.Text("--eval", "labeled images that the accuracy is measured on: a folder of class folders, or a list file", "DIR|LIST");
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "folder for model.safetensors and report.json", "DIR");
        output.Required = true;

        var command = new Command("practise", "Drops whole blocks by recoverability per latency saved, then finetunes by mimicking (PRACTISE, arXiv 2202.07861).");
        model.AddTo(command);
        images.AddTo(command);
        synthesis.AddTo(command);
        practise.AddTo(command);
        command.Add(evaluation);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            await RunAsync(
                model.Read(parsed), images.Read(parsed), synthesis.Read(parsed), practise.Read(parsed), parsed.GetValue(evaluation),
                compute.Read(parsed), session.Read(parsed), parsed.GetValue(output)!, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task RunAsync(
        ModelSettings model, ImageSettings images, SyntheticImageSettings synthesis, PractiseSettings practise, string? evaluation,
        ComputeChoice compute, SessionSettings settings, string folder, CancellationToken ct)
    {
        AtomicOutput.CheckFolder("--out", folder);
        await using var session = await Session.OpenAsync(settings, ct);
        var transfer = session.Gateway.Artifacts;
        string networkDigest;
        using (var network = ModelInput.Load(model))
        {
            CheckTarget(practise.Target, ModelInput.Blocks(network, practise.Target.Blocks), network.Spec.Variant);
            networkDigest = await transfer.ModelAsync(network, ct);
        }

        var training = await TrainingImages.UploadAsync(transfer, images, synthesis, session.Display.Note, ct);
        var evaluationDigest = evaluation is null
            ? null
            : await transfer.ImagesAsync(ImageInput.Labeled("--eval", evaluation, images.MaxPixels, training: false, session.Display.Note, ct), ct);
        var profileDigest = practise.LatencyProfile is null ? null : await UploadProfileAsync(transfer, practise.LatencyProfile, ct);

        var request = JobRequests.Practise(practise, networkDigest, training, evaluationDigest, profileDigest, images.Seed, compute);
        var job = await session.RunAsync(request, ct);

        var report = await transfer.ReadAsync(job.ReportDigest, ct);
        using (var results = new AtomicOutput())
        {
            await results.AddAsync(Path.Combine(folder, "model.safetensors"), file => transfer.DownloadAsync(job.ModelDigest, file, ct));
            await results.AddAsync(Path.Combine(folder, "report.json"), file => file.WriteAsync(report, ct).AsTask());
            results.Commit();
        }

        await session.EndDisplayAsync();
        if (settings.Json) Console.WriteLine(ReportJson.OneLine(report));
        else CompressionTable.Print(Screen.Results(), report, folder);
    }

    private static void CheckTarget(DropTarget target, string[] droppable, string variant)
    {
        if (target.Count > droppable.Length)
        {
            throw CommandException.BadInput(
                $"--drop {target.Count}: {variant} has {droppable.Length} droppable blocks ({string.Join(", ", droppable)}); choose at most {droppable.Length}");
        }
    }

    private static async Task<string> UploadProfileAsync(ArtifactTransfer transfer, string path, CancellationToken ct)
    {
        if (!File.Exists(path)) throw CommandException.BadInput($"--latency-profile: there is no file '{path}'; 'fewshot profile --out {path}' writes one");
        return await transfer.UploadAsync(path, ct);
    }
}
