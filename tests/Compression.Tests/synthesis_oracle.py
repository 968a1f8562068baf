"""PyTorch's answer to a synthesis from given noise, jitter and labels: every term by autograd, torch.optim.Adam, the schedule of synthesis_reference.py.

usage: synthesis_oracle.py SCRIPT_FOLDER TEACHER STUDENT NOISE.f32 COUNT BETA ADAPTIVE RATE ITERATIONS JITTER LABELS BEST.f32
JITTER is "down,right,flipped;..." of every step, LABELS is "3,1,...". Prints the loss of every step; writes the pixels of the lowest.
"""
import sys

import torch
from torch.nn import functional as F

sys.path.insert(0, sys.argv[1])
from practise_reference import ResNet  # noqa: E402
from synthesis_reference import Statistics, rate, load_safetensors, total_variation  # noqa: E402


def network(path):
    loaded = ResNet(depth=3)
    loaded.load_state_dict(load_safetensors(path), strict=False)
    for parameter in loaded.eval().parameters():
        parameter.requires_grad_(False)
    return loaded


def divergence(teacher, student):
    p, q = F.softmax(teacher / 3, dim=1), F.softmax(student / 3, dim=1)
    m = (p + q) / 2
    return (F.kl_div(m.log(), p, reduction="batchmean") + F.kl_div(m.log(), q, reduction="batchmean")) / 2


teacher, student = network(sys.argv[2]), network(sys.argv[3])
count, beta, adaptive, base, iterations = int(sys.argv[5]), float(sys.argv[6]), float(sys.argv[7]), float(sys.argv[8]), int(sys.argv[9])
jitters = [tuple(int(n) for n in step.split(",")) for step in sys.argv[10].split(";")]
labels = torch.tensor([int(n) for n in sys.argv[11].split(",")])
statistics = [Statistics(m) for m in teacher.modules() if isinstance(m, torch.nn.BatchNorm2d)]
pixels = torch.frombuffer(bytearray(open(sys.argv[4], "rb").read()), dtype=torch.float32).view(count, 3, 32, 32).clone().requires_grad_()
mean, std = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
optimizer = torch.optim.Adam([pixels], lr=0.25, betas=(0.5, 0.9))
best_loss = float("inf")
for step, (down, right, flipped) in enumerate(jitters):
    for group in optimizer.param_groups:
        group["lr"] = rate(step, iterations, base)
    x = torch.roll(pixels, (down, right), dims=(2, 3))
    x = torch.flip(x, dims=(3,)) if flipped else x
    logits = teacher(x)
    loss = F.cross_entropy(logits, labels) + 1e-4 * total_variation(x, beta) + 1e-5 * torch.norm(x)
    loss = loss + 0.01 * sum((10 if i == 0 else 1) * s.value for i, s in enumerate(statistics))
    loss = loss + adaptive * (1 - divergence(logits, student(x)))
    optimizer.zero_grad()
    loss.backward()
    if loss.item() < best_loss:
        best_loss, best = loss.item(), pixels.detach().clone()
    optimizer.step()
    with torch.no_grad():
        pixels.copy_(torch.minimum(torch.maximum(pixels, -mean / std), (1 - mean) / std))
    print(loss.item())
open(sys.argv[12], "wb").write(best.numpy().tobytes())
