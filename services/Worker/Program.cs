using Fewshot.BlockTrial;
using Fewshot.Finetuner;
using Fewshot.ImageSynthesizer;
using Fewshot.LatencyProfiler;
using Fewshot.ServiceDefaults;

// One heavy step at a time, whichever stage it is of (HeavyStepGate): a latency is never measured beside a finetune.
var help = new HostHelp("Fewshot's worker: profiles, synthesizes images, tries blocks and finetunes.");
return await FewshotHost.RunHostAsync(args, help, () =>
{
    var builder = WebApplication.CreateBuilder(args).AddFewshotDefaults();
    builder.Services.AddLatencyProfiler().AddImageSynthesizer().AddBlockTrial().AddFinetuner();
    return builder.Build().MapFewshotDefaults().MapLatencyProfiler().MapImageSynthesizer().MapBlockTrial().MapFinetuner();
});
