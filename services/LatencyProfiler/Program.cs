using Fewshot.LatencyProfiler;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddLatencyProfiler();
    return builder.Build().MapFewshotDefaults().MapLatencyProfiler();
});
