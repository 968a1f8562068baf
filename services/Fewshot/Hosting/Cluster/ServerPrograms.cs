namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>The servers that a cluster starts beside the services.</summary>
internal static class ServerPrograms
{
    /// <summary>The S3 server's program; that Redis is there is checked too.</summary>
    /// <exception cref="CommandException">One of them is not installed.</exception>
    public static string Find()
    {
        if (OnPath("redis-server") is null)
            throw Missing("redis-server", "install Debian's redis-server");
        return OnPath("s3rver") ?? BesideTheSources() ?? throw Missing("s3rver", "npm install -g s3rver");
    }

    private static string? OnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>Where 'make setup' puts it.</summary>
    private static string? BesideTheSources()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var program = Path.Combine(folder.FullName, "artifacts", "s3rver", "node_modules", ".bin", "s3rver");
            if (File.Exists(program))
                return program;
        }

        return null;
    }

    private static CommandException Missing(string program, string remedy) =>
        new(ExitCodes.Unavailable, $"{program} is not installed: {remedy}, run 'make setup', or share files with --stores files");
}
