"""Writes images of every kind with Pillow or by hand, and beside each the pixels a reader must find: NAME.CHANNELS.WxH.raw."""
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageOps

out = sys.argv[1]
random = numpy.random.RandomState(7)


def scene(width, height, channels=3):
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    planes = [127 + 120 * numpy.sin(x / (5 + 3 * c) + c) * numpy.cos(y / (7 + 2 * c)) + random.randint(-8, 9, (height, width)) for c in range(channels)]
    return numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8)


def expect(name, image, grey=True):
    modes = [("3", "RGB")] + ([("1", "L")] if grey else [])
    for channels, mode in modes:
        converted = image.convert(mode)
        with open(f"{out}/{name}.{channels}.{converted.width}x{converted.height}.raw", "wb") as file:
            file.write(converted.tobytes())


def save(name, image, grey=True, **options):
    image.save(f"{out}/{name}", **options)
    expect(name, ImageOps.exif_transpose(Image.open(f"{out}/{name}")), grey)


rgb = Image.fromarray(scene(61, 45))
luma = rgb.convert("L")
save("baseline.jpg", rgb, quality=90)
save("subsampled-none.jpg", rgb, quality=90, subsampling=0)
save("progressive.jpg", rgb, progressive=True)
save("grey.jpg", luma)
save("cmyk.jpg", Image.fromarray(scene(61, 45, 4), "CMYK"), grey=False, quality=95)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"orientation{orientation}.jpg", rgb, exif=exif)
    save(f"orientation{orientation}.png", rgb, exif=exif)

save("rgb.png", rgb)
save("grey.png", luma)
save("alpha.png", Image.fromarray(scene(61, 45, 4), "RGBA"), grey=False)
save("grey-alpha.png", Image.merge("LA", [luma, luma.transpose(Image.FLIP_LEFT_RIGHT)]))
palette = rgb.quantize(37)
save("palette.png", palette, grey=False)
save("palette-transparent.png", palette, grey=False, transparency=3)
save("palette16.png", rgb.quantize(13), grey=False, bits=4)
save("bilevel.png", rgb.convert("1"))
save("colour-key.png", rgb, transparency=rgb.getpixel((3, 3)))
save("profile.png", rgb, icc_profile=b"not a profile", dpi=(300, 300))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    with open(f"{out}/{name}", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def sixteen(values):
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)


deep = (scene(33, 21).astype(numpy.uint32) * 257 + random.randint(-100, 101, (21, 33, 3))).clip(0, 65535)
png("sixteen.png", 33, 21, 16, 2, sixteen(deep))
expect("sixteen.png", Image.fromarray(((deep * 255 + 32767) // 65535).astype(numpy.uint8)), grey=False)
png("sixteen-grey.png", 33, 21, 16, 0, sixteen(deep[:, :, 0]))
expect("sixteen-grey.png", Image.fromarray(((deep[:, :, 0] * 255 + 32767) // 65535).astype(numpy.uint8)))
pixels = numpy.asarray(rgb)
plain = b"".join(b"\0" + row.tobytes() for row in pixels)
png("gamma.png", 61, 45, 8, 2, plain, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
expect("gamma.png", rgb, grey=False)
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
png("interlaced.png", 61, 45, 8, 2, b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx]), interlace=1)
expect("interlaced.png", rgb, grey=False)

# What has to be refused.
png("huge.png", 100000, 100000, 8, 2, b"\0" * 100)
png("short-data.png", 61, 45, 8, 2, plain[: len(plain) // 2])
for name in ("baseline.jpg", "rgb.png"):
    with open(f"{out}/{name}", "rb") as file:
        data = file.read()
    with open(f"{out}/truncated-{name}", "wb") as file:
        file.write(data[: len(data) * 2 // 3])
rgb.save(f"{out}/picture.gif")
rgb.save(f"{out}/picture.webp") if __import__("PIL.features").features.check("webp") else None
