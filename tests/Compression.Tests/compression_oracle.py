"""PyTorch's answer to a DC-ViT trial on one fixed batch.

usage: compression_oracle.py WEIGHTS.safetensors HEADS IMAGES.f32 COUNT METRIC.f32 COUNT ITERATIONS LR INIT (BLOCK:UNIT,UNIT,...)...
Prints one line per block: first loss, last loss, cross entropy on the metric images.
"""
import json
import math
import sys

import torch
from torch.nn import functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(data, dtype=torch.float32, offset=t["data_offsets"][0], count=max(1, torch.Size(t["shape"]).numel())).view(t["shape"]).clone()
            for name, t in header.items()}


def norm(s, name, x):
    return F.layer_norm(x, x.shape[-1:], s[name + ".weight"], s[name + ".bias"], 1e-6)


def linear(s, name, x):
    return F.linear(x, s[name + ".weight"], s[name + ".bias"])


def stem(s, x):
    p = s["patch_embed.proj.weight"].shape[-1]
    tokens = F.conv2d(x, s["patch_embed.proj.weight"], s["patch_embed.proj.bias"], p).flatten(2).transpose(1, 2)
    return torch.cat([s["cls_token"].expand(len(x), -1, -1), tokens], 1) + s["pos_embed"]


def hidden(s, name, x):
    return F.gelu(linear(s, name + ".mlp.fc1", norm(s, name + ".norm2", x)))


def block(s, i, x):
    name = f"blocks.{i}"
    if name + ".attn.qkv.weight" in s:
        q, k, v = (t.view(*t.shape[:2], heads, -1).transpose(1, 2) for t in linear(s, name + ".attn.qkv", norm(s, name + ".norm1", x)).chunk(3, -1))
        a = ((q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])).softmax(-1) @ v
        x = x + linear(s, name + ".attn.proj", a.transpose(1, 2).reshape(x.shape))
    return x + linear(s, name + ".mlp.fc2", hidden(s, name, x))


def features(s, x):
    x = stem(s, x)
    for i in range(depth):
        x = block(s, i, x)
    return norm(s, "norm", x)


weights, heads, pixels, count, metric, metric_count, iterations, lr, init = sys.argv[1:10]
heads, iterations, lr = int(heads), int(iterations), float(lr)
teacher = read_safetensors(weights)
depth = sum(f"blocks.{i}.norm2.weight" in teacher for i in range(100))
load = lambda path, n: torch.frombuffer(bytearray(open(path, "rb").read()), dtype=torch.float32).view(int(n), 3, 32, 32)
images, metric = load(pixels, count), load(metric, metric_count)
with torch.no_grad():
    target = features(teacher, images)
for case in sys.argv[10:]:
    index, units = case.split(":")
    index, units = int(index), torch.tensor([int(u) for u in units.split(",")])
    name = f"blocks.{index}"
    student = {k: v.clone() for k, v in teacher.items() if not k.startswith((name + ".attn", name + ".norm1"))}
    student[name + ".mlp.fc1.weight"] = teacher[name + ".mlp.fc1.weight"][units].clone()
    student[name + ".mlp.fc1.bias"] = teacher[name + ".mlp.fc1.bias"][units].clone()
    student[name + ".mlp.fc2.weight"] = teacher[name + ".mlp.fc2.weight"][:, units].clone()
    if init == "ridge":
        with torch.no_grad():
            x = stem(teacher, images)
            for i in range(index):
                x = block(teacher, i, x)
            h = hidden(student, name, x).flatten(0, 1).double()
            h = torch.cat([h, torch.ones(len(h), 1, dtype=torch.float64)], 1)
            y = (block(teacher, index, x) - x).flatten(0, 1).double()
            start = torch.cat([student[name + ".mlp.fc2.weight"].t(), student[name + ".mlp.fc2.bias"][None]]).double()
            # As an augmented least-squares problem, solved by QR: another way than the normal equations.
            ridge = math.sqrt(0.01 * (h.square().sum() / h.shape[1]).item())
            a = torch.cat([h, ridge * torch.eye(h.shape[1], dtype=torch.float64)])
            b = torch.cat([y, ridge * start])
            w = torch.linalg.lstsq(a, b).solution.float()
            student[name + ".mlp.fc2.weight"], student[name + ".mlp.fc2.bias"] = w[:-1].t().contiguous(), w[-1].clone()
    trained = [v.requires_grad_() for k, v in student.items() if not k.startswith("blocks.") and not k.startswith(("norm", "head")) or k.startswith("blocks.") and int(k.split(".")[1]) <= index]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=1e-4)
    warm = math.ceil(0.01 * iterations)
    first = None
    for i in range(iterations):
        for group in optimizer.param_groups:
            group["lr"] = lr * (i + 1) / (warm + 1) if i < warm else lr * 0.5 * (1 + math.cos(math.pi * (i - warm) / max(1, iterations - warm)))
        loss = F.mse_loss(features(student, images), target)
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    with torch.no_grad():
        last = F.mse_loss(features(student, images), target).item()
        p = linear(teacher, "head", features(teacher, metric)[:, 0]).softmax(-1)
        ce = -(p * linear(student, "head", features(student, metric)[:, 0]).log_softmax(-1)).sum(-1).mean().item()
    print(first, last, ce)
