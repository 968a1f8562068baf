using System.CommandLine;

namespace Fewshot.Cli.Options;

/// <summary>How the command shows a gateway who calls, and which gateways it trusts; null where not given.</summary>
/// <param name="TokenFile">Holds the token; none: <c>FEWSHOT_TOKEN</c>, where that is set.</param>
/// <param name="Authority">PEM certificates of the only authority to trust.</param>
/// <param name="Certificate">PEM certificate of this client.</param>
/// <param name="Key">Its PEM key.</param>
internal sealed record GatewayAccess(string? TokenFile = null, string? Authority = null, string? Certificate = null, string? Key = null);

internal sealed class GatewayAccessOptions
{
    private readonly Option<string?>[] all;

    public GatewayAccessOptions() => all =
    [
        OptionKinds.Text("--token-file", "file with the token that --gateway knows you by; or set FEWSHOT_TOKEN", "FILE"),
        OptionKinds.Text("--authority", "PEM certificates to trust --gateway by, instead of this machine's", "FILE"),
        OptionKinds.Text("--client-certificate", "PEM certificate that --gateway knows you by", "FILE"),
        OptionKinds.Text("--client-key", "PEM key of --client-certificate, unless it is in the same file", "FILE"),
    ];

    public void AddTo(Command command)
    {
        foreach (var option in all)
            command.Add(option);
    }

    /// <exception cref="CommandException">An option is given that means nothing without another.</exception>
    public GatewayAccess Read(ParseResult parsed, bool hasGateway)
    {
        if (!hasGateway && all.FirstOrDefault(option => parsed.GetValue(option) is not null) is { } alone)
            throw CommandException.Usage($"{alone.Name} goes with --gateway");
        var access = new GatewayAccess(parsed.GetValue(all[0]), parsed.GetValue(all[1]), parsed.GetValue(all[2]), parsed.GetValue(all[3]));
        return access is { Key: not null, Certificate: null } ? throw CommandException.Usage("--client-key goes with --client-certificate") : access;
    }
}
