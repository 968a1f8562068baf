using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Compute;
using Fewshot.Imaging;
using TorchSharp;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot doctor</c>: what this machine offers and what would keep the product from working on it.</summary>
internal static partial class DoctorCommand
{
    /// <summary>Variables that decide how fast libtorch computes here.</summary>
    private static readonly string[] Settings = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS"];

    public static Command Create()
    {
        var session = new SessionOptions();
        var command = new Command("doctor", "Says what this machine offers and what keeps the product from working well on it.");
        session.AddTo(command);
        command.SetAction(parsed =>
        {
            var settings = session.Read(parsed);
            var findings = Examine(settings.State).ToList();
            if (settings.Json) PrintJson(findings);
            else Print(findings);
            return findings.All(finding => finding.Good) ? ExitCodes.Success : ExitCodes.Unavailable;
        });
        return command;
    }

    private static IEnumerable<Finding> Examine(string state)
    {
        yield return new Finding(".NET", RuntimeInformation.FrameworkDescription);
        yield return new Finding("system", RuntimeInformation.OSDescription);
        yield return new Finding("processor", $"{Processor()}, {Environment.ProcessorCount} cores");
        foreach (var finding in Engine())
            yield return finding;
        yield return Decoder("images", "libvips", ImagingLibraries.Vips);
        yield return Decoder("BMP images", "libSkiaSharp", ImagingLibraries.Skia);
        yield return State(state);
    }

    private static IEnumerable<Finding> Engine()
    {
        string? failure = null;
        try
        {
            Libtorch.Load();
        }
        catch (LibtorchException exception)
        {
            failure = exception.Message;
        }

        if (failure is not null)
        {
            yield return new Finding("libtorch", failure, Good: false);
            yield break;
        }

        yield return new Finding("libtorch", $"{torch.__version__} ({Libtorch.Folder})");
        yield return new Finding("loader", Libtorch.Loader!);
        foreach (var told in Libtorch.Told)
            yield return new Finding("kernels", told);
        yield return new Finding("OpenMP", LoadedFrom("libgomp") ?? LoadedFrom("libiomp") ?? "none");
        yield return new Finding("threads", torch.get_num_threads().ToString(CultureInfo.InvariantCulture));
        foreach (var name in Settings)
            yield return new Finding(name, Marshal.PtrToStringUTF8(GetEnvironment(name)) ?? "(not set)");
        yield return new Finding("CUDA", torch.cuda.is_available() ? $"{torch.cuda.device_count()} device(s)" : "not available (CPU only)");
    }

    private static Finding Decoder(string name, string library, Func<string> version)
    {
        try
        {
            return new Finding(name, $"{library} {version()} ({LoadedFrom(library) ?? "unknown place"})");
        }
        catch (ImagingLibraryException exception)
        {
            return new Finding(name, exception.Message, Good: false);
        }
    }

    private static Finding State(string folder)
    {
        try
        {
            AtomicOutput.CheckState(folder);
            var drive = new DriveInfo(folder);
            return new Finding("state", $"{folder}, {drive.AvailableFreeSpace / 1e9:0.0} GB free");
        }
        catch (CommandException exception)
        {
            return new Finding("state", exception.Message, Good: false);
        }
    }

    private static string Processor()
    {
        const string cpuinfo = "/proc/cpuinfo";
        var line = File.Exists(cpuinfo) ? File.ReadLines(cpuinfo).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
    }

    /// <summary>Every library that is mapped into this process.</summary>
    private static IEnumerable<string> Mapped()
    {
        const string maps = "/proc/self/maps";
        return File.Exists(maps)
            ? File.ReadLines(maps).Select(line => line[(line.LastIndexOf(' ') + 1)..]).Where(path => path.Contains(".so")).Distinct()
            : [];
    }

    private static string? LoadedFrom(string library) => Mapped().FirstOrDefault(path => Path.GetFileName(path).StartsWith(library, StringComparison.Ordinal));

    private static void Print(IEnumerable<Finding> findings)
    {
        foreach (var finding in findings)
            Console.WriteLine($"{(finding.Good ? "  " : "! ")}{finding.Name,-16}{finding.Text}");
    }

    private static void PrintJson(IEnumerable<Finding> findings) => Console.WriteLine(JobJson.Line(json =>
    {
        json.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            json.WriteStartObject();
            json.WriteString("name", finding.Name);
            json.WriteString("text", finding.Text);
            json.WriteBoolean("good", finding.Good);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }));

    // .NET keeps its own copy of the environment; what native code sees is what counts here.
    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnvironment(string name);

    private sealed record Finding(string Name, string Text, bool Good = true);
}
