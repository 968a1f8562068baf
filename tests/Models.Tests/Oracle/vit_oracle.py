"""Vision transformers by PyTorch. `vit_oracle.py make FOLDER` before the tests, `vit_oracle.py edited FOLDER` on files that the tests wrote."""
import json
import os
import struct
import sys

import torch
import torch.nn.functional as F
import torchvision


def vit(state, heads, x, distilled=False):
    """Pre-norm ViT from timm's names, written from the paper's equations; a block without attn.qkv has no attention."""
    width = state["patch_embed.proj.weight"].shape[0]
    patch = state["patch_embed.proj.weight"].shape[-1]
    norm = lambda name, value: F.layer_norm(value, (width,), state[name + ".weight"], state[name + ".bias"], 1e-6)
    linear = lambda name, value: F.linear(value, state[name + ".weight"], state[name + ".bias"])
    tokens = F.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], patch).flatten(2).transpose(1, 2)
    extra = [state["cls_token"], state["dist_token"]] if distilled else [state["cls_token"]]
    tokens = torch.cat([t.expand(len(x), -1, -1) for t in extra] + [tokens], 1) + state["pos_embed"]
    index = 0
    while f"blocks.{index}.norm2.weight" in state:
        name = f"blocks.{index}"
        if name + ".attn.qkv.weight" in state:
            q, k, v = linear(name + ".attn.qkv", norm(name + ".norm1", tokens)).chunk(3, -1)
            split = lambda part: part.view(*part.shape[:2], heads, width // heads).transpose(1, 2)
            weights = (split(q) @ split(k).transpose(-2, -1) / (width // heads) ** 0.5).softmax(-1)
            tokens = tokens + linear(name + ".attn.proj", (weights @ split(v)).transpose(1, 2).reshape(tokens.shape))
        tokens = tokens + linear(name + ".mlp.fc2", F.gelu(linear(name + ".mlp.fc1", norm(name + ".norm2", tokens))))
        index += 1
    features = norm("norm", tokens)
    logits = linear("head", features[:, 0])
    return features, (logits + linear("head_dist", features[:, 1])) / 2 if distilled else logits


def answer(features, logits, x):
    loss = features.pow(3).mean()
    return {"input": x.detach(), "features": features.detach(), "logits": logits.detach(), "gradient": torch.autograd.grad(loss, x)[0]}


def make(folder):
    torch.manual_seed(21)
    network = torchvision.models.vit_b_16(num_classes=7, image_size=64).eval()
    torch.nn.init.normal_(network.heads.head.weight, 0, 0.02)
    torch.save(network.state_dict(), os.path.join(folder, "vit_b_16.pth"))
    x = torch.randn(2, 3, 64, 64, requires_grad=True)
    tokens = torch.cat([network.class_token.expand(2, -1, -1), network._process_input(x)], 1)
    features = network.encoder(tokens)
    torch.save(answer(features, network.heads(features[:, 0]), x), os.path.join(folder, "vit_b_16.answer.pth"))

    width, hidden, tokens = 24, 40, 16 + 2
    state = {"cls_token": (1, 1, width), "dist_token": (1, 1, width), "pos_embed": (1, tokens, width), "patch_embed.proj.weight": (width, 1, 4, 4),
             "patch_embed.proj.bias": (width,), "norm.weight": (width,), "norm.bias": (width,)}
    for index in range(3):
        for layer, shape in {"norm1": (width,), "norm2": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width), "mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}.items():
            state[f"blocks.{index}.{layer}.weight"], state[f"blocks.{index}.{layer}.bias"] = shape, shape[:1]
    for head in ("head", "head_dist"):
        state[head + ".weight"], state[head + ".bias"] = (5, width), (5,)
    state = {name: torch.randn(shape) * 0.3 for name, shape in state.items()}
    torch.save({"model": state}, os.path.join(folder, "deit.pth"))
    x = torch.randn(2, 1, 16, 16, requires_grad=True)
    torch.save(answer(*vit(state, 4, x, distilled=True), x), os.path.join(folder, "deit.answer.pth"))


def edited(folder):
    """Our compressed and pruned files under the same equations."""
    for name in ("compressed", "dropped"):
        with open(os.path.join(folder, name + ".safetensors"), "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = file.read()
        state = {key: torch.frombuffer(bytearray(data[slice(*e["data_offsets"])]), dtype=torch.float32).reshape(e["shape"])
                 for key, e in header.items() if key != "__metadata__"}
        x = torch.randn(2, 1, 16, 16, requires_grad=True)
        torch.save(answer(*vit(state, 4, x, distilled=True), x), os.path.join(folder, name + ".answer.pth"))


if __name__ == "__main__":
    torch.set_num_threads(2)
    {"make": make, "edited": edited}[sys.argv[1]](sys.argv[2])
