"""Decodes every image of a folder: FOLDER OUT gives OUT/NAME.raw, upright RGB."""
import os
import sys

from PIL import Image, ImageOps

for name in os.listdir(sys.argv[1]):
    with open(f"{sys.argv[2]}/{name}.raw", "wb") as file:
        file.write(ImageOps.exif_transpose(Image.open(f"{sys.argv[1]}/{name}")).convert("RGB").tobytes())
