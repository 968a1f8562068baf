using System.CommandLine;
using Fewshot.Cli.Hosting;
using Fewshot.Cli.Options;
using Fewshot.ServiceDefaults;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot serve</c>: all five services in the foreground, for other processes to use.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var listen = new Option<string>("--listen")
        {
            Description = "address and port; addresses beyond this machine need https with --certificate, and --tokens or --client-authority",
            HelpName = "URL",
            DefaultValueFactory = _ => "http://127.0.0.1:5210",
        };
        var certificate = OptionKinds.Text("--certificate", "PEM certificate for https", "FILE");
        var key = OptionKinds.Text("--certificate-key", "PEM key of the certificate", "FILE");
        var tokens = OptionKinds.Text("--tokens", "JSON file of tenants, as 'token new --file' makes it: every call needs a token then", "FILE");
        var authority = OptionKinds.Text("--client-authority", "PEM certificates of the authority whose client certificates name a tenant", "FILE");
        var insecure = OptionKinds.Flag("--insecure", "serve whoever comes, in the clear if need be: for networks that are protected otherwise");
        var state = new Option<string>("--state")
        {
            Description = "folder for jobs, finished steps and artifacts",
            HelpName = "DIR",
            DefaultValueFactory = _ => SessionOptions.StandardState,
        };
        var command = new Command("serve", "Runs all five services in the foreground; other commands reach them with --gateway. Ctrl-C ends it.")
        {
            listen, certificate, key, tokens, authority, insecure, state,
        };
        command.SetAction(async (parsed, ct) =>
        {
            var wanted = new FewshotOptions
            {
                Listen = parsed.GetValue(listen)!, Certificate = parsed.GetValue(certificate), CertificateKey = parsed.GetValue(key),
                Tokens = parsed.GetValue(tokens), ClientAuthority = parsed.GetValue(authority), Insecure = parsed.GetValue(insecure),
            };
            await using var host = await LocalHost.ServeAsync(Path.GetFullPath(parsed.GetValue(state)!), wanted, ct);
            Console.WriteLine($"fewshot serves on {host.Address.ToString().TrimEnd('/')}; use it with --gateway {host.Address.ToString().TrimEnd('/')}");
            await host.WaitAsync(ct);
            return ExitCodes.Success;
        });
        return command;
    }
}
