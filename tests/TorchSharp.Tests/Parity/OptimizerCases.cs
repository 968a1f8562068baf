using TorchSharp;
using TorchSharp.Modules;

namespace Fewshot.TorchSharp.Parity;

/// <summary>Six steps of every optimiser on a curved loss, in the flat layout that one pass handles and in one that goes through the _foreach operators.</summary>
internal sealed class OptimizerCases : ParityTable
{
    private const string Loop = """

        for step in range(6):
            optimizer.zero_grad()
            loss = sum((p ** 4).sum() + (p * p.roll(1, 0)).sum() for p in (p, q))
            loss.backward()
            optimizer.step()
            if schedule: schedule.step()
        out = [p, q]
        """;

    public OptimizerCases()
    {
        Sgd("plain", "", p => torch.optim.SGD(p, 0.01));
        Sgd("weight decay", "weight_decay=0.1", p => torch.optim.SGD(p, 0.01, weight_decay: 0.1));
        Sgd("momentum", "momentum=0.9, weight_decay=0.1", p => torch.optim.SGD(p, 0.01, 0.9, weight_decay: 0.1));
        Sgd("dampening", "momentum=0.9, dampening=0.3", p => torch.optim.SGD(p, 0.01, 0.9, 0.3));
        Sgd("nesterov", "momentum=0.9, nesterov=True, weight_decay=0.1", p => torch.optim.SGD(p, 0.01, 0.9, weight_decay: 0.1, nesterov: true));
        Sgd("maximize", "momentum=0.5, maximize=True", p => torch.optim.SGD(p, 0.001, 0.5, maximize: true));
        Both("adam", "torch.optim.Adam([p, q], lr=0.02, betas=(0.8, 0.95), weight_decay=0.1)", p => torch.optim.Adam(p, 0.02, 0.8, 0.95, weight_decay: 0.1));
        Both("adamw", "torch.optim.AdamW([p, q], lr=0.02, betas=(0.8, 0.95), weight_decay=0.1)", p => torch.optim.AdamW(p, 0.02, 0.8, 0.95, weight_decay: 0.1));
        Both("groups", "torch.optim.SGD([{'params': [p], 'lr': 0.02}, {'params': [q], 'momentum': 0.9}], lr=0.01)", p => torch.optim.SGD(
            [new SGD.ParamGroup([p[0]], new SGD.Options { LearningRate = 0.02 }), new SGD.ParamGroup([p[1]], new SGD.Options { momentum = 0.9 })], 0.01));

        Scheduled("MultiStepLR", "MultiStepLR(optimizer, [2, 4], 0.3)", o => torch.optim.lr_scheduler.MultiStepLR(o, [2, 4], 0.3));
        Scheduled("StepLR", "StepLR(optimizer, 2, 0.3)", o => torch.optim.lr_scheduler.StepLR(o, 2, 0.3));
        Scheduled("CosineAnnealingLR", "CosineAnnealingLR(optimizer, 5, 0.001)", o => torch.optim.lr_scheduler.CosineAnnealingLR(o, 5, 0.001));
        Scheduled("LambdaLR", "LambdaLR(optimizer, lambda e: 1 / (1 + e))", o => torch.optim.lr_scheduler.LambdaLR(o, e => 1.0 / (1 + e)));
        Scheduled("LinearLR", "LinearLR(optimizer, 0.2, 1.0, 4)", o => torch.optim.lr_scheduler.LinearLR(o, 0.2, 1.0, 4));
    }

    private void Sgd(string name, string options, Func<Parameter[], torch.optim.Optimizer> make) => Both($"sgd {name}", $"torch.optim.SGD([p, q], lr={(name == "maximize" ? "0.001" : "0.01")}, {options})", make);

    private void Both(string name, string optimizer, Func<Parameter[], torch.optim.Optimizer> make)
    {
        Case(name, optimizer, make, torch.float32);
        Case($"{name}, foreach", optimizer, make, torch.float64);
    }

    private void Scheduled(string name, string schedule, Func<torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler> make) =>
        Case(name, "torch.optim.SGD([p, q], lr=0.01)", p => torch.optim.SGD(p, 0.01), torch.float32, $"torch.optim.lr_scheduler.{schedule}", make);

    private void Case(
        string name, string optimizer, Func<Parameter[], torch.optim.Optimizer> make, torch.ScalarType type, string schedule = "None",
        Func<torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler>? makeSchedule = null) => AddCode(
        $"optimizer {name}", $"p, q = a.requires_grad_(), b.requires_grad_()\noptimizer = {optimizer}\nschedule = {schedule}{Loop}",
        () => [Normal(7, 5).to(type), Normal(3, 4).to(type)],
        tensors =>
        {
            var parameters = Array.ConvertAll(tensors, tensor => new Parameter(tensor));
            using var optimizer = make(parameters);
            var schedule = makeSchedule?.Invoke(optimizer);
            for (var step = 0; step < 6; step++)
            {
                optimizer.zero_grad();
                parameters.Select(p => p.pow(4).sum() + (p * p.roll(1, 0)).sum()).Aggregate((left, right) => left + right).backward();
                optimizer.step();
                schedule?.step();
            }
            return [.. parameters.Select(p => p.detach())];
        },
        1e-5);
}
