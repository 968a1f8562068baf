using System.CommandLine;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot watch</c>: the events of a job from its beginning to its end. Ctrl-C ends the watching, not the job.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var job = new Argument<string>("job") { Description = "id of a job, as 'fewshot jobs' lists it" };
        var session = new SessionOptions();
        var command = new Command("watch", "Follows a job to its end; Ctrl-C ends the watching, not the job.") { job };
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var settings = session.Read(parsed);
            await using var open = await Session.LookAsync(settings, ct);
            IProgressDisplay display = settings.Json ? new JsonProgress(Console.Out) : open.Display;
            var ended = await new JobFlow(open.Gateway, display).WatchAsync(parsed.GetValue(job)!, cancelOnInterrupt: false, ct);
            await open.EndDisplayAsync();
            JobFlow.Succeeded(ended);
            if (!settings.Json) Console.WriteLine($"{ended.Id} {ended.Phase.ToString().ToLowerInvariant()}");
            return ExitCodes.Success;
        });
        return command;
    }
}
