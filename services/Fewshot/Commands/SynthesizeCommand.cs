using System.CommandLine;
using Fewshot.Cli.Grpc;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Imaging;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot synthesize</c>: images out of a network alone.</summary>
internal static class SynthesizeCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var synthesis = new SynthesisOptions();
        var compute = new ComputeOptionGroup();
        var session = new SessionOptions();
        var output = OptionKinds.Text("--out", "folder for the images (CLASS/NNNNNN.png, itself usable as --images and --eval) and report.json", "DIR");
        output.Required = true;
        var preview = OptionKinds.Text("--preview", "file for the first hundred images as one picture", "FILE.png");
        var command = new Command("synthesize", "Makes images out of a network alone, by optimising pixels until it sees the intended classes (DeepInversion, arXiv 1912.08795).");
        model.AddTo(command);
        synthesis.AddTo(command);
        compute.AddTo(command);
        command.Add(output);
        command.Add(preview);
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (folder, picture) = (parsed.GetValue(output)!, parsed.GetValue(preview));
            ImageFolder.Check(folder, picture);
            await using var open = await Session.OpenAsync(session.Read(parsed), ct);
            using var network = ModelInput.Load(model.Read(parsed));
            var digest = await open.Gateway.Artifacts.ModelAsync(network, ct);
            var job = await open.RunAsync(SynthesisRequests.Synthesize(digest, synthesis.Read(parsed), parsed.GetValue(synthesis.Seed), compute.Read(parsed)), ct);
            var report = await WriteAsync(open.Gateway.Artifacts, job, folder, picture, ct);
            await StageOutput.PrintAsync(open, report, picture is null ? folder : $"{folder}, preview in {picture}", Print);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task<byte[]> WriteAsync(ArtifactTransfer transfer, JobSummary job, string folder, string? preview, CancellationToken ct)
    {
        var report = await transfer.ReadAsync(job.ReportDigest, ct);
        using var results = new AtomicOutput();
        await using (var file = new FileStream(Path.Combine(Path.GetTempPath(), $"fewshot-{Guid.NewGuid():n}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose))
        {
            await transfer.DownloadAsync(job.ImageSetDigest, file, ct);
            file.Position = 0;
            await results.AddAsync(folder, ImageSetFile.Read(file), ct);
        }

        if (preview is not null) await results.AddAsync(preview, file => transfer.DownloadAsync(job.PreviewDigest, file, ct));
        await results.AddAsync(Path.Combine(folder, "report.json"), file => file.WriteAsync(report, ct).AsTask());
        results.Commit();
        return report;
    }

    private static void Print(byte[] json)
    {
        var report = ReportJson.Parse(json);
        Console.WriteLine(
            $"{report.Number("images"):0} images by {report.Text("method")}, {report.Number("iterations"):0} steps, seed {report.Text("seed")}: " +
            $"the network sees the intended class in {Figures.Percent(report.Number("teacher_top1") ?? 0)} %; {report.Number("seconds"):0.0} s");
    }
}
