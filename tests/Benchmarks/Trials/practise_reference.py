"""PRACTISE block trials and mimic finetuning on CIFAR ResNet-56 in plain PyTorch, written from the paper the straightforward way:
every candidate is tried alone, the teacher runs for each, and nothing that autograd would compute anyway is avoided.

usage: practise_reference.py trials|finetune --model FILE --images DIR [--samples 500 --seed 2021 --iterations 10 --batch 64 --blocks a,b]
Prints one JSON object.
"""
import argparse
import copy
import json
import pathlib
import random
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.pad = stride, (width - inputs) // 2

    def shortcut(self, x):
        return x if self.stride == 1 and self.pad == 0 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, depth=9, classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        widths, inputs = (16, 32, 64), 16
        for s, width in enumerate(widths, 1):
            blocks = []
            for b in range(depth):
                blocks.append(BasicBlock(inputs, width, 2 if s > 1 and b == 0 else 1))
                inputs = width
            setattr(self, f"layer{s}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, classes)

    def features(self, x):
        return self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))

    def forward(self, x):
        return self.linear(self.features(x).mean((2, 3)))


def load_checkpoint(path):
    # The file was pickled before PyTorch 1.6; weights only.
    state = torch.load(path, map_location="cpu")["state_dict"]
    net = ResNet()
    net.load_state_dict({k.replace("module.", "", 1): v for k, v in state.items()})
    return net.eval()


def load_images(folder, samples, seed):
    paths = sorted(pathlib.Path(folder).rglob("*.png"))
    paths = random.Random(seed).sample(paths, samples)
    pixels = np.stack([np.asarray(Image.open(p).convert("RGB")) for p in paths])
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


def batches(images, size, iterations):
    """Shuffled epochs, the last partial batch dropped; pad-4 random crop and flip."""
    order, at = torch.randperm(len(images)), 0
    for _ in range(iterations):
        if at + size > len(images):
            order, at = torch.randperm(len(images)), 0
        x = F.pad(images[order[at:at + size]], (4, 4, 4, 4))
        at += size
        out = torch.empty(size, 3, 32, 32)
        for i in range(size):
            top, left = random.randint(0, 8), random.randint(0, 8)
            crop = x[i, :, top:top + 32, left:left + 32]
            out[i] = crop.flip(2) if random.random() < 0.5 else crop
        yield out


def drop(net, name):
    """A copy of the network without the block and with identity 1x1 adaptors around the gap; returns it and the adaptors."""
    net = copy.deepcopy(net)
    stage, index = int(name[5]), int(name.split(".")[1])
    blocks = getattr(net, f"layer{stage}")
    adaptors = []

    def adaptor(width):
        conv = nn.Conv2d(width, width, 1, bias=False)
        nn.init.dirac_(conv.weight)
        adaptors.append(conv)
        return conv

    width = blocks[0].conv2.out_channels
    for i, block in enumerate(blocks):
        if i < index:
            block.conv2 = nn.Sequential(block.conv2, adaptor(width))
        elif i > index:
            block.conv1 = nn.Sequential(adaptor(width), block.conv1)
    if stage < 3:
        following = getattr(net, f"layer{stage + 1}")[0]
        following.conv1 = nn.Sequential(adaptor(width), following.conv1)
    setattr(net, f"layer{stage}", nn.Sequential(*[b for i, b in enumerate(blocks) if i != index]))
    return net, adaptors


def rate(lr, iteration, iterations):
    return lr / 100 if iteration * 10 >= iterations * 8 else lr / 10 if iteration * 10 >= iterations * 4 else lr


def train(teacher, student, parameters, images, args):
    optimizer = torch.optim.SGD(parameters, lr=args.lr, momentum=0.9, weight_decay=1e-4)
    start = time.perf_counter()
    for i, x in enumerate(batches(images, min(args.batch, len(images)), args.iterations)):
        for group in optimizer.param_groups:
            group["lr"] = rate(args.lr, i, args.iterations)
        with torch.no_grad():
            target = teacher.features(x)
        loss = F.mse_loss(student.features(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def recoverability(teacher, student, images, batch):
    student.eval()
    total = 0.0
    with torch.no_grad():
        for i in range(0, len(images), batch):
            x = images[i:i + batch]
            total += F.mse_loss(student.features(x), teacher.features(x)).item() * len(x)
    return total / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("trials", "finetune"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--blocks", default="")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    teacher = load_checkpoint(args.model)
    images = load_images(args.images, args.samples, args.seed)
    report = {"torch": torch.__version__, "threads": torch.get_num_threads(), "iterations": args.iterations}
    if args.what == "trials":
        names = args.blocks.split(",") if args.blocks else [f"layer{s}.{b}" for s in (1, 2, 3) for b in range(1, 9)]
        report["blocks"], report["train_seconds"], begin = {}, 0.0, time.perf_counter()
        for name in names:
            student, adaptors = drop(teacher, name)
            report["train_seconds"] += train(teacher, student, [a.weight for a in adaptors], images, args)
            report["blocks"][name] = recoverability(teacher, student, images, args.batch)
            print(name, report["blocks"][name], file=sys.stderr, flush=True)
        report["seconds"] = time.perf_counter() - begin
    else:
        student = copy.deepcopy(teacher)
        for name in filter(None, args.blocks.split(",")):
            stage, index = int(name[5]), name.split(".")[1]
            delattr(getattr(student, f"layer{stage}"), index)
        student.train()
        report["train_seconds"] = train(teacher, student, list(student.parameters()), images, args)
        report["distance"] = recoverability(teacher, student, images, args.batch)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
