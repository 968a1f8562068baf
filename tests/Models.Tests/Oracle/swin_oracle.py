"""Swin by torchvision. `swin_oracle.py make FOLDER` before the tests, `swin_oracle.py dropped FOLDER` on files that the tests wrote."""
import json
import os
import re
import struct
import sys

import torch

# The stock initialisation takes ten times as long as everything else here; `shaken` makes weights that show more.
torch.nn.init.trunc_normal_ = lambda value, std=1.0, **_: value.data.uniform_(-1.7 * std, 1.7 * std)

from torchvision.models.swin_transformer import SwinTransformer, swin_b, swin_t


def shaken(network, seed):
    """With PyTorch's initial norms, zero biases and tiny position tables a wrong one would go unseen."""
    torch.manual_seed(seed)
    for name, value in network.named_parameters():
        if "norm" in name or name == "features.0.2.weight":
            torch.nn.init.uniform_(value, 0.5, 1.5)
        elif name.endswith("bias"):
            torch.nn.init.normal_(value, 0, 0.1)
        elif "position_bias_table" in name:
            torch.nn.init.normal_(value, 0, 1)
        elif name == "head.weight":
            torch.nn.init.normal_(value, 0, 0.05)
    return network.eval()


def answer(folder, name, network, size):
    x = torch.randn(2, network.features[0][0].in_channels, size, size, requires_grad=True)
    features = network.norm(network.features(x))
    tables = [block.attn.relative_position_bias_table for block in network.features[1][:2]]
    gradients = torch.autograd.grad(features.pow(3).mean(), [x, *tables])
    torch.save({"input": x.detach(), "features": features.detach(), "logits": network(x).detach(),
                "gradient": gradients[0], "plain": gradients[1], "shifted": gradients[2]}, os.path.join(folder, name + ".answer.pth"))


def native(key):
    """torchvision's name in timm's terms."""
    key = re.sub(r"^features\.0\.0\.", "patch_embed.proj.", key)
    key = re.sub(r"^features\.0\.2\.", "patch_embed.norm.", key)
    key = re.sub(r"^features\.(\d)\.(\d+)\.", lambda m: f"layers.{int(m[1]) // 2}.blocks.{m[2]}.", key)
    key = re.sub(r"^features\.(\d)\.(norm|reduction)\.", lambda m: f"layers.{int(m[1]) // 2}.downsample.{m[2]}.", key)
    return key.replace(".mlp.0.", ".mlp.fc1.").replace(".mlp.3.", ".mlp.fc2.").replace("head.", "head.fc.")


def original(key):
    """timm's name in the terms of the original files: what reduces stands at the end of the stage before."""
    key = re.sub(r"^layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", key)
    return key.replace("head.fc.", "head.")


def small(layers):
    return SwinTransformer(patch_size=[4, 4], embed_dim=16, depths=layers, num_heads=[2, 4, 8], window_size=[4, 4], num_classes=5)


def make(folder):
    for name, network, size in (("swin_t", swin_t(num_classes=7), 96), ("swin_b", swin_b(num_classes=4), 64)):
        torch.save(shaken(network, 31).state_dict(), os.path.join(folder, name + ".pth"))
        answer(folder, name, network, size)

    network = shaken(small([4, 2, 4]), 32)
    state = {native(key): value for key, value in network.state_dict().items() if not key.endswith("relative_position_index")}
    torch.save(state, os.path.join(folder, "swin_timm.pth"))
    computed = {f"layers.{stage}.blocks.{block}.{name}": value
                for stage, blocks in enumerate((4, 2, 4)) for block in range(blocks)
                for name, value in (("attn.relative_position_index", torch.zeros(16, 16, dtype=torch.int64)), ("attn_mask", torch.zeros(4, 16, 16)))}
    torch.save({"model": {**{original(key): value for key, value in state.items()}, **computed}}, os.path.join(folder, "swin_original.pth"))
    for name in ("swin_timm", "swin_original"):
        answer(folder, name, network, 80)


def dropped(folder):
    """Our files with fewer pairs must load, strictly, into the stock class with fewer layers."""
    with open(os.path.join(folder, "swin_dropped.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    state = {key: torch.frombuffer(bytearray(data[slice(*e["data_offsets"])]), dtype=torch.float32).reshape(e["shape"])
             for key, e in header.items() if key != "__metadata__"}
    network = small([2, 2, 2])
    names = {key: native(key) for key in network.state_dict()}
    state.update({names[key]: value for key, value in network.state_dict().items() if key.endswith("relative_position_index")})
    network.load_state_dict({key: state.pop(name) for key, name in names.items()}, strict=True)
    assert not state, sorted(state)
    answer(folder, "swin_dropped", network.eval(), 48)


if __name__ == "__main__":
    torch.set_num_threads(2)
    {"make": make, "dropped": dropped}[sys.argv[1]](sys.argv[2])
