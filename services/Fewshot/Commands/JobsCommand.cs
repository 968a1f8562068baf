using System.CommandLine;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot jobs</c>: what ran and what runs, newest first.</summary>
internal static class JobsCommand
{
    public static Command Create()
    {
        var limit = OptionKinds.WholeNumber("--limit", "how many", 1, 100_000, 20);
        var session = new SessionOptions();
        var command = new Command("jobs", "Lists jobs, newest first.") { limit };
        session.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var settings = session.Read(parsed);
            await using var open = await Session.LookAsync(settings with { Quiet = true }, ct);
            var jobs = await open.Gateway.ListAsync(parsed.GetValue(limit), ct);
            if (settings.Json) PrintJson(jobs);
            else Print(jobs);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(IReadOnlyList<JobSummary> jobs)
    {
        if (jobs.Count == 0)
        {
            Console.WriteLine("no jobs");
            return;
        }

        var table = Screen.Table("job", "kind", "state", "started", "ended", "");
        foreach (var job in jobs)
        {
            table.AddCells(
                job.Id, job.Kind, job.Phase.ToString().ToLowerInvariant(), Shown(job.Created), Shown(job.Ended), job.Message);
        }

        Screen.Results().Write(table);
    }

    private static string Shown(DateTimeOffset? time) => time?.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss") ?? "";

    private static void PrintJson(IReadOnlyList<JobSummary> jobs) => Console.WriteLine(JobJson.Line(json =>
    {
        json.WriteStartArray("jobs");
        foreach (var job in jobs)
        {
            json.WriteStartObject();
            JobJson.Write(json, job);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }));
}
