"""Reads REQUESTS lines 'SOURCE.png OPERATION STRENGTH OPPOSITE FILTER FILL,..' and writes what Pillow makes of each, N.raw.

The operations and their ranges are those of timm's RandAugment, 'increasing' ones (timm/data/auto_augment.py); strength 1 is magnitude 10.
"""
import sys

from PIL import Image, ImageEnhance, ImageOps


def affine(*coefficients):
    return lambda image, filter, fill: image.transform(image.size, Image.AFFINE, coefficients, resample=filter, fillcolor=fill)


def table(function):
    return lambda image, filter, fill: image.point([function(i) for i in range(256)] * len(image.getbands()))


def operation(name, strength, sign, side):
    signed = strength * sign
    factor = max(0.1, 1 + 0.9 * signed)
    return {
        "AutoContrast": lambda image, *_: ImageOps.autocontrast(image),
        "Equalize": lambda image, *_: ImageOps.equalize(image),
        "Invert": lambda image, *_: ImageOps.invert(image),
        "Rotate": lambda image, filter, fill: image.rotate(30 * signed, resample=filter, fillcolor=fill),
        "Posterize": lambda image, *_: ImageOps.posterize(image, 4 - int(4 * strength)),
        "Solarize": lambda image, *_: ImageOps.solarize(image, 256 - int(256 * strength)),
        "SolarizeAdd": table(lambda i: min(255, i + int(110 * strength)) if i < 128 else i),
        "Color": lambda image, *_: ImageEnhance.Color(image).enhance(factor),
        "Contrast": lambda image, *_: ImageEnhance.Contrast(image).enhance(factor),
        "Brightness": lambda image, *_: ImageEnhance.Brightness(image).enhance(factor),
        "Sharpness": lambda image, *_: ImageEnhance.Sharpness(image).enhance(factor),
        "ShearX": affine(1, 0.3 * signed, 0, 0, 1, 0),
        "ShearY": affine(1, 0, 0, 0.3 * signed, 1, 0),
        "TranslateX": affine(1, 0, 0.45 * signed * side, 0, 1, 0),
        "TranslateY": affine(1, 0, 0, 0, 1, 0.45 * signed * side),
    }[name]


folder = sys.argv[1]
with open(f"{folder}/requests") as requests:
    for number, line in enumerate(requests):
        source, name, strength, opposite, kind, fill = line.split()
        image = Image.open(f"{folder}/{source}")
        colour = tuple(map(int, fill.split(",")))
        change = operation(name, float(strength), -1 if opposite == "True" else 1, image.size[0])
        changed = change(image, Image.BILINEAR if kind == "Bilinear" else Image.BICUBIC, colour if len(colour) > 1 else colour[0])
        with open(f"{folder}/{number}.raw", "wb") as file:
            file.write(b"".join(band.tobytes() for band in changed.split()))
