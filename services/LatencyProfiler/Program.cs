using Fewshot.LatencyProfiler;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's latency profiler: measures what blocks cost on this device."), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddLatencyProfiler();
    return builder.Build().MapFewshotDefaults().MapLatencyProfiler();
});
