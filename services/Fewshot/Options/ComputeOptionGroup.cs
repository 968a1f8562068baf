using System.CommandLine;

namespace Fewshot.Cli.Options;

internal sealed record ComputeChoice(bool Cuda, bool MixedPrecision, bool Tf32, int Threads);

internal sealed class ComputeOptionGroup
{
    private readonly Option<string> device = OptionKinds.Word("--device", "where to compute", "cpu", "cpu", "cuda");
    private readonly Option<bool> mixedPrecision = OptionKinds.Flag("--mixed-precision", "activations and frozen weights in bfloat16 (with --device cuda)");
    private readonly Option<bool> tf32 = OptionKinds.Flag("--tf32", "TF32 matrix products (with --device cuda)");
    private readonly Option<int> threads = OptionKinds.WholeNumber("--threads", "CPU threads; 0: all cores", 0, 1024, 0);

    public void AddTo(Command command)
    {
        command.Add(device);
        command.Add(mixedPrecision);
        command.Add(tf32);
        command.Add(threads);
        command.Validators.Add(result =>
        {
            if (result.GetValue(device) == "cuda") return;
            if (result.GetValue(mixedPrecision)) result.AddError("--mixed-precision needs --device cuda");
            if (result.GetValue(tf32)) result.AddError("--tf32 needs --device cuda");
        });
    }

    public ComputeChoice Read(ParseResult parsed) => new(
        parsed.GetValue(device) == "cuda",
        parsed.GetValue(mixedPrecision),
        parsed.GetValue(tf32),
        parsed.GetValue(threads));
}
