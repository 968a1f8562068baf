"""Fixtures made by PyTorch itself. `oracle.py make FOLDER` before the tests, `oracle.py pruned FOLDER` on files that the tests wrote."""
import json
import os
import struct
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

try:
    import torchvision
except ImportError:
    torchvision = None


class CifarBlock(nn.Module):
    """Residual unit of He et al. 2015, section 4.2, with the parameter-free shortcut."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.planes, self.same = planes, stride == 1 and inputs == planes

    def forward(self, x):
        shortcut = x
        if not self.same:
            zeros = self.planes // 4
            shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, zeros, zeros))
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class CifarResNet(nn.Module):
    def __init__(self, depths, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, depth in enumerate(depths):
            planes = 16 << stage
            blocks = [CifarBlock(inputs if i == 0 else planes, planes, 2 if stage and i == 0 else 1) for i in range(depth)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = planes
        self.linear = nn.Linear(64, classes)

    def features(self, x):
        return self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))

    def forward(self, x):
        return self.linear(self.features(x).mean((2, 3)))


def shake(network, seed):
    """Random norms: with PyTorch's initial ones a wrong norm would go unseen."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.2)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.6, 1.4)
    return network.eval()


def features_of(network, x):
    if hasattr(network, "features"):
        return network.features(x)
    x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    return network.layer4(network.layer3(network.layer2(network.layer1(x))))


def case(folder, name, network, size):
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        answer = {"input": x, "features": features_of(network, x), "logits": network(x)}
        # One training step's forward: batch statistics, and the running ones after it.
        network.train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.eval()
        torch.save(network.state_dict(), os.path.join(folder, name + ".pth"))
        answer["training_logits"] = network(x)
        norm = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
        answer["stem_mean"], answer["stem_var"] = norm.running_mean, norm.running_var
    torch.save(answer, os.path.join(folder, name + ".answer.pth"))


def networks(folder):
    torch.manual_seed(1)
    case(folder, "cifar_resnet20", shake(CifarResNet([3, 3, 3]), 1), 32)
    if torchvision is not None:
        models = torchvision.models
        case(folder, "resnet18", shake(models.resnet18(num_classes=7), 2), 64)
        case(folder, "resnet34", shake(models.resnet34(num_classes=5), 3), 64)
        case(folder, "resnet50", shake(models.resnet50(num_classes=5), 4), 64)
        case(folder, "mobilenet_v2", shake(models.mobilenet_v2(num_classes=6), 5), 64)
        case(folder, "mobilenet_v2_0.5", shake(models.mobilenet_v2(num_classes=6, width_mult=0.5), 6), 64)


def timm_names(folder):
    """The same weights under timm's names (torchvision's module tree walked in timm's order)."""
    network = shake(torchvision.models.mobilenet_v2(num_classes=4, width_mult=0.35), 8)
    repeats, names = [1, 2, 3, 4, 3, 3, 1], {"features.0.0": "conv_stem", "features.0.1": "bn1", "features.18.0": "conv_head", "features.18.1": "bn2", "classifier.1": "classifier"}
    index = 1
    for row, count in enumerate(repeats):
        for repeat in range(count):
            ours, theirs = f"features.{index}.conv", f"blocks.{row}.{repeat}"
            parts = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"} if row == 0 else \
                {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2": "conv_pwl", "3": "bn3"}
            names.update({f"{ours}.{a}": f"{theirs}.{b}" for a, b in parts.items()})
            index += 1
    state = {}
    for key, value in network.state_dict().items():
        layer, leaf = key.rsplit(".", 1)
        state[f"{names[layer]}.{leaf}"] = value
    torch.save(state, os.path.join(folder, "timm.pth"))
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.save({"input": x, "logits": network(x)}, os.path.join(folder, "timm.answer.pth"))


def pickles(folder):
    torch.manual_seed(9)
    base = torch.arange(24, dtype=torch.float32).view(2, 3, 4)
    state = {
        "plain": base.clone(),
        "transposed": base.permute(2, 0, 1),
        "strided": base[:, ::2, 1::2],
        "whole": base,
        "tail": base.view(-1)[10:],
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "broadcast": torch.ones(1, 3).expand(4, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "parameter": nn.Parameter(torch.randn(3)),
        "f64": torch.randn(3, dtype=torch.float64),
        "f16": torch.randn(3).half(),
        "bf16": torch.randn(3).bfloat16(),
        "i64": torch.tensor([-5, 1 << 40]),
        "i32": torch.tensor([-5, 7], dtype=torch.int32),
        "i16": torch.tensor([-5, 7], dtype=torch.int16),
        "i8": torch.tensor([-5, 7], dtype=torch.int8),
        "u8": torch.tensor([5, 200], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }
    expected = {k: {"shape": list(v.shape), "values": v.detach().double().reshape(-1).tolist()} for k, v in state.items()}
    with open(os.path.join(folder, "pickles.json"), "w") as out:
        json.dump(expected, out)
    wrapped = {"epoch": 3, "best": 0.5, "name": "x" * 300, "size": torch.Size([1, 2]), "dtype": torch.float32, "big": 1 << 70,
               "optimizer": {"state": {0: {"momentum": torch.ones(2)}}, "groups": [{"lr": 0.1, "betas": (0.9, 0.99), "on": True, "off": False, "none": None}]},
               "state_dict": state}
    for new in (True, False):
        kind = "zip" if new else "legacy"
        torch.save(state, os.path.join(folder, f"pickles.{kind}.pth"), _use_new_zipfile_serialization=new)
        torch.save(wrapped, os.path.join(folder, f"wrapped.{kind}.pth"), _use_new_zipfile_serialization=new)
        torch.save({"model": CifarResNet([1, 1, 1]).state_dict()}, os.path.join(folder, f"model.{kind}.pth"), _use_new_zipfile_serialization=new)
        torch.save(nn.Linear(2, 2), os.path.join(folder, f"module.{kind}.pth"), _use_new_zipfile_serialization=new)
        small = CifarResNet([3, 3, 3]).state_dict()
        torch.save({"state_dict": {"module._orig_mod." + k: v for k, v in small.items()}}, os.path.join(folder, f"prefixed.{kind}.pth"),
                   _use_new_zipfile_serialization=new)
        torch.save({"a": torch.randn(4, 3), "b": torch.randn(5), "c": base.permute(2, 0, 1)}, os.path.join(folder, f"tiny.{kind}.pth"),
                   _use_new_zipfile_serialization=new, pickle_protocol=2 if new else 4)


def read_safetensors(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    types = {"F32": torch.float32, "I64": torch.int64}
    return {name: torch.frombuffer(bytearray(data[e["data_offsets"][0]:e["data_offsets"][1]]), dtype=types[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items() if name != "__metadata__"}


def pruned(folder):
    """Our pruned files must load, strictly, into the stock classes with fewer blocks."""
    models = torchvision.models
    stock = {
        "pruned.resnet34": lambda: models.ResNet(models.resnet.BasicBlock, [2, 4, 5, 2], num_classes=5),
        "pruned.resnet50": lambda: models.ResNet(models.resnet.Bottleneck, [3, 3, 6, 2], num_classes=5),
        "pruned.mobilenet_v2": lambda: models.mobilenet_v2(num_classes=6, inverted_residual_setting=[
            [1, 16, 1, 1], [6, 24, 1, 2], [6, 32, 3, 2], [6, 64, 2, 2], [6, 96, 3, 1], [6, 160, 2, 2], [6, 320, 1, 1]]),
        "pruned.cifar_resnet20": lambda: CifarResNet([1, 3, 2]),
    }
    for name, build in stock.items():
        network = build().eval()
        network.load_state_dict(read_safetensors(os.path.join(folder, name + ".safetensors")), strict=True)
        torch.manual_seed(11)
        x = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            torch.save({"input": x, "logits": network(x)}, os.path.join(folder, name + ".answer.pth"))


if __name__ == "__main__":
    torch.set_num_threads(2)
    command, folder = sys.argv[1:]
    if command == "make":
        networks(folder)
        pickles(folder)
        if torchvision is not None:
            timm_names(folder)
    elif command == "pruned":
        pruned(folder)
    else:
        sys.exit(f"unknown command {command}")
