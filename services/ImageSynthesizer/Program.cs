using Fewshot.ImageSynthesizer;
using Fewshot.ServiceDefaults;

return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's image synthesizer: makes images out of a network alone."), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddImageSynthesizer();
    return builder.Build().MapFewshotDefaults().MapImageSynthesizer();
});
