using Fewshot.BlockTrial;
using Fewshot.Finetuner;
using Fewshot.ImageSynthesizer;
using Fewshot.LatencyProfiler;
using Fewshot.ServiceDefaults;

// One heavy step at a time, whichever stage it is of (HeavyStepGate): a latency is never measured beside a finetune.
return await FewshotHost.RunHostAsync(args, new HostHelp("Fewshot's worker of all four stages: profiles, synthesizes images, tries blocks and finetunes."), () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddLatencyProfiler().AddImageSynthesizer().AddBlockTrial().AddFinetuner();
    return builder.Build().MapFewshotDefaults().MapLatencyProfiler().MapImageSynthesizer().MapBlockTrial().MapFinetuner();
});
