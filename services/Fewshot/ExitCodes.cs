namespace Fewshot.Cli;

/// <summary>Exit codes of the program; part of its contract.</summary>
internal static class ExitCodes
{
    public const int Success = 0;
    public const int Usage = 2;
    public const int BadInput = 3;
    public const int Unavailable = 4;
    public const int Internal = 5;
    public const int NoSpace = 6;
    public const int JobFailed = 7;
    public const int Interrupted = 130;

    public const string Help = """
        Exit codes:
          0    success
          2    the command line is wrong
          3    an input is unusable (a model, images, a block name, a setting that does not fit them, a token)
          4    a service is unavailable (gateway unreachable, port in use, worker busy, a system package missing)
          5    an internal error
          6    no space is left for the results or the state
          7    the job failed or was cancelled elsewhere (such as a loss that became NaN)
          130  interrupted (Ctrl-C); the same command continues where it stopped
        """;
}
