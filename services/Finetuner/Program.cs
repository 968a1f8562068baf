using Fewshot.Finetuner;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.AddFinetuner();
    return builder.Build().MapFewshotDefaults().MapFinetuner();
});
