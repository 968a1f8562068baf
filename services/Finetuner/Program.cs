using Fewshot.Finetuner;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's finetuner: finetunes, trains and evaluates networks."), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddFinetuner();
    return builder.Build().MapFewshotDefaults().MapFinetuner();
});
