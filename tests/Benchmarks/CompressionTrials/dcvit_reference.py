"""DC-ViT block trials on the Fashion ViT in plain PyTorch, written from the paper the straightforward way with ordinary good practice: the teacher in
eval mode without gradient, frozen parameters that require none, PyTorch's own AdamW and clipping; one candidate after the other, the teacher's
features computed in every step.

usage: dcvit_reference.py --model FILE --images DIR [--iterations 10 --threads N]
Prints one JSON object: seconds of one iteration over all candidates (each candidate's first is left out), mimic losses before and after.
"""
import argparse
import copy
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from vit_reference import Mlp, VisionTransformer, load_safetensors  # noqa: E402

IMAGES, CANDIDATES, HIDDEN, KEPT, HEADS = 50, (1, 2, 3, 4), 256, 140, 4


def load_images(folder):
    paths = sorted(pathlib.Path(folder).rglob("*.png"), key=lambda p: p.relative_to(folder).as_posix())
    paths = paths[::len(paths) // IMAGES][:IMAGES]
    pixels = np.stack([np.asarray(Image.open(p).convert("L")) for p in paths])
    return (torch.from_numpy(pixels).float()[:, None] / 255 - 0.5) / 0.5


def compress(teacher, index):
    """A copy whose block has lost its attention and keeps some of its hidden units with their weights."""
    student = copy.deepcopy(teacher)
    block = student.blocks[index]
    kept = torch.tensor([unit * HIDDEN // KEPT for unit in range(KEPT)])
    mlp = Mlp(block.mlp.fc1.in_features, KEPT)
    with torch.no_grad():
        mlp.fc1.weight.copy_(block.mlp.fc1.weight[kept])
        mlp.fc1.bias.copy_(block.mlp.fc1.bias[kept])
        mlp.fc2.weight.copy_(block.mlp.fc2.weight[:, kept])
        mlp.fc2.bias.copy_(block.mlp.fc2.bias)
    block.norm1, block.attn, block.mlp = None, None, mlp
    for p in student.parameters():
        p.requires_grad_(False)
    for part in [student.patch_embed, *student.blocks[:index + 1]]:
        for p in part.parameters():
            p.requires_grad_(True)
    student.pos_embed.requires_grad_(True)
    student.cls_token.requires_grad_(True)
    return student


def rate(peak, i, iterations):
    warm_up = math.ceil(0.01 * iterations)
    return peak * (i + 1) / (warm_up + 1) if i < warm_up else peak / 2 * (1 + math.cos(math.pi * (i - warm_up) / max(1, iterations - warm_up)))


def train(teacher, student, images, iterations):
    peak = 3e-5 * min(max(2000 / iterations, 1), 10)
    trained = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=peak, weight_decay=1e-4)
    for i in range(iterations):
        if i == 1:
            start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = rate(peak, i, iterations)
        x = images[torch.randperm(len(images))]
        with torch.no_grad():
            target = teacher.features(x)
        loss = F.mse_loss(student.features(x), target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    return (time.perf_counter() - start) / (iterations - 1)


def distance(teacher, student, images):
    with torch.no_grad():
        return F.mse_loss(student.features(images), teacher.features(images)).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(2023)
    teacher = VisionTransformer(load_safetensors(args.model), HEADS).eval().requires_grad_(False)
    images = load_images(args.images)
    report = {"torch": torch.__version__, "threads": torch.get_num_threads(), "iteration_seconds": 0.0, "first": {}, "last": {}}
    for index in CANDIDATES:
        student = compress(teacher, index).eval()
        name = f"blocks.{index}"
        report["first"][name] = distance(teacher, student, images)
        report["iteration_seconds"] += train(teacher, student, images, args.iterations)
        report["last"][name] = distance(teacher, student, images)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
