"""Images out of a network in plain PyTorch, written the straightforward way after the public code of DeepInversion: the network in evaluation mode, its
gradients cleared in every step, torch.optim.Adam on the pixels, hooks on the batch norms, every term of the loss left to autograd. With --frozen no
gradient by the weights is computed, which that code leaves out.

usage: synthesis_reference.py deepdream|deepinversion --model FILE [--depth 20] [--heads 4] [--images 50 --iterations 10 --seed 2023 --threads N --frozen]
Prints one JSON object.
"""
import argparse
import json
import math
import pathlib
import random
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from practise_reference import ResNet  # noqa: E402
from vit_reference import VisionTransformer, load_safetensors  # noqa: E402


class Statistics:
    """How far the statistics of what enters a batch norm are from the running ones."""

    def __init__(self, norm):
        self.value = None
        norm.register_forward_hook(self.hook)

    def hook(self, norm, inputs, _):
        x = inputs[0]
        mean = x.mean([0, 2, 3])
        variance = x.permute(1, 0, 2, 3).contiguous().view(x.shape[1], -1).var(1, unbiased=False)
        self.value = torch.norm(variance - norm.running_var, 2) + torch.norm(mean - norm.running_mean, 2)


def total_variation(x, beta):
    across, down = x[:, :, :, :-1] - x[:, :, :, 1:], x[:, :, :-1, :] - x[:, :, 1:, :]
    falling, rising = x[:, :, :-1, :-1] - x[:, :, 1:, 1:], x[:, :, 1:, :-1] - x[:, :, :-1, 1:]
    return sum(torch.norm(difference) ** beta for difference in (across, down, falling, rising))


def load(arguments):
    if arguments.model.endswith(".safetensors"):
        network = VisionTransformer(load_safetensors(arguments.model), arguments.heads)
        mean, std = [0.5] * network.channels, [0.5] * network.channels
        return network, network.size, mean, std
    # The file was pickled before PyTorch 1.6; weights only.
    state = torch.load(arguments.model, map_location="cpu")["state_dict"]
    network = ResNet(depth=(arguments.depth - 2) // 6)
    network.load_state_dict({name.replace("module.", "", 1): value for name, value in state.items()})
    return network, 32, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def rate(step, iterations, base=0.25):
    warm_up = max(1, min(100, iterations // 10))
    if step < warm_up:
        return base * (step + 1) / warm_up
    return base * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, iterations - warm_up)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=["deepdream", "deepinversion"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--frozen", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    network, size, mean, std = load(arguments)
    network.eval()
    for parameter in network.parameters():
        parameter.requires_grad_(not arguments.frozen)
    statistics = [Statistics(m) for m in network.modules() if isinstance(m, nn.BatchNorm2d)] if arguments.method == "deepinversion" else []
    beta = 0.6 if isinstance(network, VisionTransformer) else 1
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std))
    low, high = -mean / std, (1 - mean) / std
    labels = torch.randint(network(torch.zeros(1, mean.numel(), size, size)).shape[1], (arguments.images,))
    pixels = torch.randn(arguments.images, mean.numel(), size, size, requires_grad=True)
    optimizer = torch.optim.Adam([pixels], lr=0.25, betas=(0.5, 0.9))
    best, best_loss = None, math.inf
    reach = max(1, 30 * size // 224)
    ends, losses = [], []
    for step in range(arguments.iterations):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, arguments.iterations)
        x = torch.roll(pixels, (random.randint(-reach, reach), random.randint(-reach, reach)), dims=(2, 3))
        if random.random() < 0.5:
            x = torch.flip(x, dims=(3,))
        loss = F.cross_entropy(network(x), labels) + 1e-4 * total_variation(x, beta) + 1e-5 * torch.norm(x)
        if statistics:
            loss = loss + 0.01 * sum((10 if i == 0 else 1) * s.value for i, s in enumerate(statistics))
        optimizer.zero_grad()
        network.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if losses[-1] < best_loss:
            best, best_loss = pixels.detach().clone(), losses[-1]
        optimizer.step()
        with torch.no_grad():
            pixels.copy_(torch.minimum(torch.maximum(pixels, low), high))
        ends.append(time.perf_counter())
    with torch.no_grad():
        top1 = (network(best).argmax(1) == labels).float().mean().item()
    per_step = (ends[-1] - ends[0]) / (len(ends) - 1) if len(ends) > 1 else float("nan")
    print(json.dumps({"seconds_per_step": per_step, "first_loss": losses[0], "best_loss": best_loss, "teacher_top1": top1}))


if __name__ == "__main__":
    main()
