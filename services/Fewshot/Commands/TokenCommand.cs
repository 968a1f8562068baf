using System.CommandLine;
using System.Text.Json;
using Fewshot.Cli.Options;
using Fewshot.ServiceDefaults;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot token</c>: what tenants are known by.</summary>
internal static class TokenCommand
{
    public static Command Create() => new("token", "Makes the tokens that a gateway knows its tenants by.") { New() };

    private static Command New()
    {
        var tenant = new Option<string>("--tenant") { Description = "whom the token stands for", HelpName = "NAME", Required = true };
        var file = OptionKinds.Text("--file", "file of tenants that gets the token's digest, made when missing; what 'serve --tokens' and Fewshot:Tokens take", "FILE");
        var json = OptionKinds.Flag("--json", "print one JSON document");
        var command = new Command("new", "Makes a token and shows it this once; the file of tenants holds its digest only.") { tenant, file, json };
        command.SetAction(parsed =>
        {
            var (name, token) = (parsed.GetValue(tenant)!, BearerToken.New());
            if (!Tenant.IsName(name))
                throw CommandException.Usage("--tenant takes 1 to 63 of a-z, 0-9, '-' and '.', beginning and ending with a letter or digit");
            if (parsed.GetValue(file) is { } path)
                Add(path, name, token);
            var digest = BearerToken.DigestOf(token);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new { tenant = name, token, digest }));
            }
            else
            {
                Console.WriteLine(token);
                if (parsed.GetValue(file) is null)
                    Console.WriteLine(JsonSerializer.Serialize(new { tenants = new[] { new { name, tokens = new[] { digest } } } }));
            }

            return ExitCodes.Success;
        });
        return command;
    }

    private static void Add(string path, string tenant, string token)
    {
        try
        {
            TenantFile.Add(Path.GetFullPath(path), tenant, token);
        }
        catch (FormatException exception)
        {
            throw CommandException.BadInput($"--file: '{path}' {exception.Message}", exception);
        }
    }
}
