"""Writes what torchvision's evaluation transform makes of FOLDER's images, float32 [3, size, size], NAME.f32. FOLDER RESIZE SIZE BOTH FILTER"""
import os
import sys

from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

folder, resize, size, both, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "True", sys.argv[5]
mode = InterpolationMode.BILINEAR if kind == "Bilinear" else InterpolationMode.BICUBIC
transform = transforms.Compose([
    transforms.Resize((resize, resize) if both else resize, mode), transforms.CenterCrop(size), transforms.ToTensor(),
    transforms.Normalize((.485, .456, .406), (.229, .224, .225))])
for name in sorted(os.listdir(folder)):
    if name.endswith((".png", ".jpg", ".JPEG")):
        tensor = transform(Image.open(f"{folder}/{name}").convert("RGB"))
        with open(f"{folder}/{name}.f32", "wb") as file:
            file.write(tensor.numpy().tobytes())
