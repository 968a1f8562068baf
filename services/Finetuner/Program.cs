using Fewshot.Finetuner;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddFinetuner();
    return builder.Build().MapFewshotDefaults().MapFinetuner();
});
