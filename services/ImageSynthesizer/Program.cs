using Fewshot.ImageSynthesizer;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddImageSynthesizer();
    return builder.Build().MapFewshotDefaults().MapImageSynthesizer();
});
