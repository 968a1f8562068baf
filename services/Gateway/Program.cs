using Fewshot.Gateway;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's gateway: takes uploads and jobs, runs the jobs' workflows and calls the stages.", new GatewayOptions()), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.AddGateway();
    return builder.Build().MapFewshotDefaults().MapGateway();
});
