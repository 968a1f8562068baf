"""Reads REQUESTS lines 'SOURCE.png LEFT TOP WIDTH HEIGHT NEW_WIDTH NEW_HEIGHT FILTER' and writes Pillow's resized crops, N.raw."""
import sys

from PIL import Image

folder = sys.argv[1]
with open(f"{folder}/requests") as requests:
    for number, line in enumerate(requests):
        source, *numbers, kind = line.split()
        left, top, width, height, new_width, new_height = map(int, numbers)
        image = Image.open(f"{folder}/{source}").crop((left, top, left + width, top + height))
        resized = image.resize((new_width, new_height), Image.BILINEAR if kind == "Bilinear" else Image.BICUBIC)
        with open(f"{folder}/{number}.raw", "wb") as file:
            file.write(resized.tobytes())
