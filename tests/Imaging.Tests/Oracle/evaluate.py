"""Writes what torchvision's evaluation transforms make of FOLDER's images, float32 [3, size, size], NAME.N.f32 for the Nth of RESIZE:SIZE:BOTH:FILTER."""
import os
import sys

from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

folder = sys.argv[1]
for number, case in enumerate(sys.argv[2:]):
    resize, size, both, kind = case.split(":")
    transform = transforms.Compose([
        transforms.Resize((int(resize), int(resize)) if both == "True" else int(resize), InterpolationMode(kind.lower())),
        transforms.CenterCrop(int(size)), transforms.ToTensor(), transforms.Normalize((.485, .456, .406), (.229, .224, .225))])
    for name in sorted(os.listdir(folder)):
        if name.endswith((".png", ".JPEG")):
            tensor = transform(Image.open(f"{folder}/{name}").convert("RGB"))
            with open(f"{folder}/{name}.{number}.f32", "wb") as file:
                file.write(tensor.numpy().tobytes())
