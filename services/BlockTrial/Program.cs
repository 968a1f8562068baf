using Fewshot.BlockTrial;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's block trials: judge how well a network recovers from losing or compressing a block."), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddBlockTrial();
    return builder.Build().MapFewshotDefaults().MapBlockTrial();
});
