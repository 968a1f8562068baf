using System.CommandLine;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot cancel</c>: asks a job to stop. Its finished steps and checkpoints are kept.</summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var job = new Argument<string>("job") { Description = "id of a job, as 'fewshot jobs' lists it" };
        var session = new SessionOptions();
        var command = new Command("cancel", "Asks a job to stop; its finished steps and checkpoints are kept.") { job };
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var settings = session.Read(parsed);
            await using var open = await Session.LookAsync(settings with { Quiet = true }, ct);
            var summary = await open.Gateway.CancelAsync(parsed.GetValue(job)!, ct);
            Console.WriteLine(settings.Json
                ? JobJson.Line(json => JobJson.Write(json, summary))
                : summary.HasEnded ? $"{summary.Id} {summary.Phase.ToString().ToLowerInvariant()}" : $"{summary.Id} is stopping");
            return ExitCodes.Success;
        });
        return command;
    }
}
