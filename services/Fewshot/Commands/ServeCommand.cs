using System.CommandLine;
using Fewshot.Cli.Hosting;
using Fewshot.Cli.Options;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot serve</c>: all five services in the foreground, for other processes to use.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var listen = new Option<string>("--listen")
        {
            Description = "address and port; 'https' and addresses beyond this machine need --certificate",
            HelpName = "URL",
            DefaultValueFactory = _ => "http://127.0.0.1:5210",
        };
        var certificate = OptionKinds.Text("--certificate", "PEM certificate for https", "FILE");
        var key = OptionKinds.Text("--certificate-key", "PEM key of the certificate", "FILE");
        var state = new Option<string>("--state")
        {
            Description = "folder for jobs, finished steps and artifacts",
            HelpName = "DIR",
            DefaultValueFactory = _ => SessionOptions.StandardState,
        };
        var command = new Command("serve", "Runs all five services in the foreground; other commands reach them with --gateway. Ctrl-C ends it.")
        {
            listen, certificate, key, state,
        };
        command.SetAction(async (parsed, ct) =>
        {
            await using var host = await LocalHost.ServeAsync(
                Path.GetFullPath(parsed.GetValue(state)!), parsed.GetValue(listen)!, parsed.GetValue(certificate), parsed.GetValue(key), ct);
            Console.WriteLine($"fewshot serves on {host.Address.ToString().TrimEnd('/')}; use it with --gateway {host.Address.ToString().TrimEnd('/')}");
            await host.WaitAsync(ct);
            return ExitCodes.Success;
        });
        return command;
    }
}
