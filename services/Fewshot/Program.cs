using Fewshot.Cli;

return await CommandLine.RunAsync(args);
