using System.CommandLine;
using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Models;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot convert</c>: any checkpoint as a safetensors file that describes itself.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var json = OptionKinds.Flag("--json", "print one JSON document");
        var output = OptionKinds.Text("--out", "file to write; without it the checkpoint is only checked and described", "FILE");
        var command = new Command("convert", "Writes any checkpoint as a safetensors file that says what network it is, and shows how its blocks are named.");
        model.AddTo(command);
        command.Add(output);
        command.Add(json);
        command.SetAction(async (parsed, ct) =>
        {
            var path = parsed.GetValue(output);
            if (path is not null) AtomicOutput.CheckFile("--out", path);
            using var network = ModelInput.Load(model.Read(parsed));
            if (path is not null)
            {
                await AtomicOutput.WriteAsync(path, file =>
                {
                    Checkpoint.Save(network, file);
                    return Task.CompletedTask;
                });
            }

            if (parsed.GetValue(json)) PrintJson(network, path);
            else Print(network, path);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(Network network, string? path)
    {
        var costs = network.Costs();
        var dropped = network.Spec.Edits.OfType<DropBlock>().Select(edit => edit.Block).ToArray();
        Console.WriteLine(
            $"{network.Spec.Variant}, {network.Spec.Classes} classes, {costs.Macs / 1e6:0.000} million MACs, {costs.Params / 1e6:0.000} million parameters"
            + (dropped.Length > 0 ? $", without {string.Join(", ", dropped)}" : ""));
        var renamed = network.RenamedBlocks().Where(pair => pair.Key != pair.Value).ToArray();
        if (renamed.Length > 0)
        {
            var table = Screen.Table("block of the original", "named in this file");
            foreach (var (name, now) in renamed)
                table.AddCells(name, now);
            Screen.Results().Write(table);
        }

        if (path is not null) Console.WriteLine($"written to {path}");
    }

    private static void PrintJson(Network network, string? path) => Console.WriteLine(JobJson.Line(json =>
    {
        var costs = network.Costs();
        json.WritePropertyName("network");
        json.WriteRawValue(network.Spec.ToJson());
        json.WriteNumber("macs", costs.Macs);
        json.WriteNumber("params", costs.Params);
        json.WriteStartObject("renamed_blocks");
        foreach (var (name, now) in network.RenamedBlocks())
            json.WriteString(name, now);
        json.WriteEndObject();
        if (path is not null) json.WriteString("out", path);
    }));
}
