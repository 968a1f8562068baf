using Fewshot.Gateway;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddGateway();
    return builder.Build().MapFewshotDefaults().MapGateway();
});
