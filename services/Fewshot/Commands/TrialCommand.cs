using System.CommandLine;
using System.Text.Json.Nodes;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot trial</c>: how well the network recovers from the loss of each block.</summary>
internal static class TrialCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var images = new ImageOptions("unlabeled training images: a folder, read recursively, or a list file");
        var blocks = OptionKinds.Names("--blocks", "try only these blocks [default: all droppable]");
        var criterion = PractiseOptions.CriterionOption();
        var optimizer = new OptimizerOptions("--trial-iterations", "training iterations of each trial", 1000, 0.02);
        var feature = PractiseOptions.FeatureOption();
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "file for the outcomes (JSON)", "FILE");
        var command = new Command("trial", "Judges each droppable block by a criterion, without dropping any.");
        model.AddTo(command);
        images.AddTo(command);
        command.Add(blocks);
        command.Add(criterion);
        optimizer.AddTo(command);
        command.Add(feature);
        compute.AddTo(command);
        command.Add(output);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var path = parsed.GetValue(output);
            if (path is not null) AtomicOutput.CheckFile("--out", path);
            var sampling = images.Read(parsed);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            using var network = ModelInput.Load(model.Read(parsed));
            var names = ModelInput.Blocks(network, parsed.Given(blocks));
            var transfer = open.Gateway.Artifacts;
            var networkDigest = await transfer.ModelAsync(network, ct);
            var imagesDigest = await transfer.ImagesAsync(ImageInput.Sample(sampling, open.Display.Note, ct), ct);
            var choice = new TrialChoice(parsed.GetValue(criterion)!, optimizer.Read(parsed), parsed.GetValue(feature)!);
            var job = await open.RunAsync(JobRequests.Trials(networkDigest, imagesDigest, names, choice, sampling.Seed, compute.Read(parsed)), ct);
            await StageOutput.FileAsync(open, await transfer.ReadAsync(job.ReportDigest, ct), path, Print, ct);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(byte[] json)
    {
        var table = Screen.Table("block", "value", "distance before training");
        foreach (var outcome in ReportJson.Parse(json)["outcomes"] as JsonArray ?? [])
            table.AddCells(outcome.Text("block"), $"{outcome.Number("value"):0.######}", $"{outcome.Number("distance_before"):0.######}");
        Screen.Results().Write(table);
    }
}
