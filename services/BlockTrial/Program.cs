using Fewshot.BlockTrial;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddBlockTrial();
    return builder.Build().MapFewshotDefaults().MapBlockTrial();
});
