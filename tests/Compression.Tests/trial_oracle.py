"""PyTorch's answer to a block trial on one fixed batch.

usage: trial_oracle.py SCRIPT_FOLDER WEIGHTS.safetensors IMAGES.f32 COUNT ITERATIONS LR BLOCK...
Prints one line per block: the recoverability and the first loss.
"""
import json
import sys

import torch
from torch.nn import functional as F

sys.path.insert(0, sys.argv[1])
from practise_reference import ResNet, drop, rate, recoverability  # noqa: E402


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    kinds = {"F32": torch.float32, "I64": torch.int64}
    return {
        name: torch.frombuffer(data, dtype=kinds[t["dtype"]], offset=t["data_offsets"][0], count=max(1, torch.Size(t["shape"]).numel())).view(t["shape"])
        for name, t in header.items()
    }


weights, pixels, count, iterations, lr = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
teacher = ResNet(depth=3)
teacher.load_state_dict(read_safetensors(weights))
teacher.eval()
images = torch.frombuffer(bytearray(open(pixels, "rb").read()), dtype=torch.float32).view(count, 3, 32, 32)
with torch.no_grad():
    target = teacher.features(images)
for block in sys.argv[7:]:
    student, adaptors = drop(teacher, block)
    optimizer = torch.optim.SGD([a.weight for a in adaptors], lr=lr, momentum=0.9, weight_decay=1e-4)
    first = None
    for i in range(iterations):
        for group in optimizer.param_groups:
            group["lr"] = rate(lr, i, iterations)
        loss = F.mse_loss(student.features(images), target)
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(recoverability(teacher, student, images, count), first)
