"""Runs every parity case in PyTorch. Usage: parity.py FOLDER, which holds cases.json and inputs.bin; writes outputs.json and outputs.bin.

A case is Python code over its inputs a, b, c, .. that leaves its results in `out`. With gradients, the loss is the sum of every floating result
times cos(0), cos(1), .. and the gradients of all floating inputs follow the results.
"""
import json
import os
import sys

import torch
import torch.nn.functional as F

TYPES = {
    "Byte": torch.uint8, "Int32": torch.int32, "Int64": torch.int64, "Float32": torch.float32, "Float64": torch.float64, "Bool": torch.bool,
    "Float16": torch.float16, "BFloat16": torch.bfloat16, "Int16": torch.int16, "Int8": torch.int8,
}
NAMES = {value: key for key, value in TYPES.items()}

folder = sys.argv[1]
cases = json.load(open(os.path.join(folder, "cases.json")))
memory = bytearray(open(os.path.join(folder, "inputs.bin"), "rb").read())
results, blob = {}, bytearray()


def read(entry):
    count = 1
    for size in entry["shape"]:
        count *= size
    kind = TYPES[entry["type"]]
    if count == 0:
        return torch.empty(entry["shape"], dtype=kind)
    return torch.frombuffer(memory, dtype=kind, count=count, offset=entry["offset"]).reshape(entry["shape"]).clone()


def write(tensor):
    tensor = tensor.detach().contiguous()
    entry = {"type": NAMES[tensor.dtype], "shape": list(tensor.shape), "offset": len(blob)}
    if tensor.numel():
        blob.extend(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.dtype != torch.bool else tensor.view(-1).numpy().tobytes())
    return entry


for case in cases:
    names = {name: read(entry) for name, entry in zip("abcdefgh", case["inputs"])}
    leaves = [tensor for tensor in names.values() if tensor.is_floating_point()]
    if case["gradients"]:
        for leaf in leaves:
            leaf.requires_grad_()
    torch.manual_seed(7)
    try:
        names.update(torch=torch, F=F)
        exec(case["code"], names)
        out = names["out"]
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        entries = [write(tensor) for tensor in out]
        if case["gradients"]:
            loss = sum((t * torch.cos(torch.arange(t.numel(), dtype=t.dtype)).reshape(t.shape)).sum() for t in out if t.requires_grad)
            gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
            entries += [write(g if g is not None else torch.zeros_like(leaf)) for g, leaf in zip(gradients, leaves)]
        results[case["name"]] = {"outputs": entries}
    except Exception as error:
        results[case["name"]] = {"error": f"{type(error).__name__}: {error}"}

json.dump(results, open(os.path.join(folder, "outputs.json"), "w"))
open(os.path.join(folder, "outputs.bin"), "wb").write(blob)
