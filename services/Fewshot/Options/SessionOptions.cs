using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>Where the services are and how the command talks to its user.</summary>
/// <param name="State">State folder of the services in this process.</param>
/// <param name="Gateway">Null: the services run in this process.</param>
/// <param name="Access">To the gateway.</param>
internal sealed record SessionSettings(string State, Uri? Gateway, GatewayAccess Access, bool Json, bool Quiet);

internal sealed class SessionOptions
{
    private readonly Option<string> state = new("--state")
    {
        Description = "folder for jobs, finished steps and artifacts",
        HelpName = "DIR",
        DefaultValueFactory = _ => StandardState,
    };

    private readonly Option<Uri?> gateway = new("--gateway")
    {
        Description = "use the services behind this URL instead of running them in this process",
        HelpName = "URL",
        CustomParser = result =>
        {
            var text = result.Tokens[^1].Value;
            if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https") return url;
            result.AddError($"--gateway takes a URL such as http://127.0.0.1:5050, not '{text}'");
            return null;
        },
    };

    private readonly GatewayAccessOptions access = new();
    private readonly Option<bool> json = OptionKinds.Flag("--json", "print one JSON document instead of tables; progress goes to standard error as JSON lines");
    private readonly Option<bool> quiet = OptionKinds.Flag("--quiet", "no progress");

    public static string StandardState =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".fewshot");

    public void AddTo(Command command)
    {
        command.Add(state);
        command.Add(gateway);
        access.AddTo(command);
        command.Add(json);
        command.Add(quiet);
    }

    public SessionSettings Read(ParseResult parsed) => new(
        Path.GetFullPath(parsed.GetValue(state)!),
        parsed.GetValue(gateway),
        access.Read(parsed, parsed.GetValue(gateway) is not null),
        parsed.GetValue(json),
        parsed.GetValue(quiet));
}
