"""Writes images of every kind with Pillow or by hand (BMP: make_bitmaps.py), and beside each the pixels a reader must find: NAME.CHANNELS.WxH.raw."""
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageOps

import make_bitmaps

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
rgba = Image.fromarray(scene(61, 45, 4), "RGBA")
cmyk = Image.fromarray(scene(61, 45, 4), "CMYK")
palette = rgb.quantize(37)
bilevel = rgb.convert("1")
pixels = numpy.asarray(rgb)
deep = (scene(33, 21, 4).astype(numpy.uint32) * 257 + random.randint(-100, 101, (21, 33, 4))).clip(0, 65535).astype(numpy.uint16)


def expect_deep(name, samples, grey=False):
    expect(name, Image.fromarray((samples >> 8).astype(numpy.uint8)), grey)


for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("jpg", "png"):
        save(f"orientation{orientation}.{kind}", rgb, exif=exif)
    # Pillow turns a TIFF when it loads it.
    rgb.save(f"{out}/orientation{orientation}.tif", exif=exif)
    expect(f"orientation{orientation}.tif", Image.open(f"{out}/orientation{orientation}.tif"))
    save(f"orientation{orientation}.webp", rgb, exif=exif, lossless=True)

# JPEG
save("baseline.jpg", rgb, quality=90)
save("subsampled-none.jpg", rgb, quality=90, subsampling=0)
save("progressive.jpg", rgb, progressive=True)
save("grey.jpg", luma)
save("cmyk.jpg", cmyk, quality=95)
with open(f"{out}/cmyk.jpg", "rb") as file:
    data = file.read()
adobe = data.index(b"Adobe")
with open(f"{out}/ycck.jpg", "wb") as file:
    file.write(data[: adobe + 11] + b"\2" + data[adobe + 12 :])
expect("ycck.jpg", Image.open(f"{out}/ycck.jpg"))
with open(f"{out}/baseline.jpg", "rb") as file:
    data = file.read()
with open(f"{out}/stray-bytes.jpg", "wb") as file:
    at = data.index(b"\xff\xdb")
    file.write(data[:at] + b"\0\1\2" + data[at:])
expect("stray-bytes.jpg", Image.open(f"{out}/baseline.jpg"))

# PNG
save("rgb.png", rgb)
save("grey.png", luma)
save("alpha.png", rgba)
save("grey-alpha.png", Image.merge("LA", [luma, luma.transpose(Image.FLIP_LEFT_RIGHT)]))
save("palette.png", palette)
save("palette-transparent.png", palette, transparency=3)
save("palette16.png", rgb.quantize(13), bits=4)
save("bilevel.png", bilevel)
save("colour-key.png", rgb, transparency=rgb.getpixel((3, 3)))
save("grey-key.png", luma, transparency=luma.getpixel((3, 3)))
save("profile.png", rgb, icc_profile=b"not a profile", dpi=(300, 300))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    with open(f"{out}/{name}", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def unfiltered(values):
    return b"".join(b"\0" + row.astype(values.dtype.newbyteorder(">")).tobytes() for row in values)


for name, colour, samples in (("sixteen", 2, deep[:, :, :3]), ("sixteen-grey", 0, deep[:, :, 0]), ("sixteen-alpha", 6, deep), ("sixteen-grey-alpha", 4, deep[:, :, :2])):
    png(f"{name}.png", 33, 21, 16, colour, unfiltered(samples))
    expect_deep(f"{name}.png", samples[:, :, :3] if colour in (2, 6) else deep[:, :, 0], grey=True)
png("gamma.png", 61, 45, 8, 2, unfiltered(pixels), extra=chunk(b"gAMA", struct.pack(">I", 100000)))
expect("gamma.png", rgb)
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
png("interlaced.png", 61, 45, 8, 2, b"".join(unfiltered(pixels[y::dy, x::dx]) for x, y, dx, dy in passes), interlace=1)
expect("interlaced.png", rgb)

# WebP
save("lossy.webp", rgb, quality=80)
save("lossless.webp", rgb, lossless=True)
save("alpha.webp", rgba, quality=80, exact=True)
save("alpha-lossless.webp", rgba, lossless=True, exact=True)
save("animated.webp", rgb, save_all=True, append_images=[rgb.transpose(Image.FLIP_LEFT_RIGHT)], lossless=True)

# TIFF
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "webp"):
    save(f"rgb-{compression}.tif", rgb, compression=compression)
save("grey.tif", luma, compression="tiff_lzw")
save("palette.tif", palette)
save("bilevel.tif", bilevel, compression="group4")
save("alpha.tif", rgba)
save("grey-alpha.tif", Image.merge("LA", [luma, luma.transpose(Image.FLIP_LEFT_RIGHT)]))
save("cmyk.tif", cmyk)
save("pages.tif", rgb, save_all=True, append_images=[luma])


def tiff(name, width, height, strips, order="<", tile=0, **tags):
    """An uncompressed file with one strip, tile or plane after the other."""
    names = {"bits": (258, 3), "photometric": (262, 3), "samples": (277, 3), "planar": (284, 3), "extra": (338, 3), "format": (339, 3), "private": (65000, 4)}
    fields = {256: (4, [width]), 257: (4, [height]), 259: (3, [1])}
    for key, value in tags.items():
        fields[names[key][0]] = (names[key][1], value if isinstance(value, list) else [value])
    if tile:
        fields.update({322: (4, [tile]), 323: (4, [tile])})
    else:
        fields[278] = (4, [height])
    fields[324 if tile else 273] = (4, [0] * len(strips))
    fields[325 if tile else 279] = (4, [len(strip) for strip in strips])
    end = 8 + 2 + 12 * len(fields) + 4
    extra = sum(len(values) * (4 if kind == 4 else 2) for kind, values in fields.values() if len(values) * (4 if kind == 4 else 2) > 4)
    at, offsets = end + extra, []
    for strip in strips:
        offsets.append(at)
        at += len(strip)
    fields[324 if tile else 273] = (4, offsets)
    entries, long_values = b"", b""
    for tag, (kind, values) in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(values)}{'I' if kind == 4 else 'H'}", *values)
        if len(packed) > 4:
            entries += struct.pack(f"{order}HHII", tag, kind, len(values), end + len(long_values))
            long_values += packed
        else:
            entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    with open(f"{out}/{name}", "wb") as file:
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(fields))
        file.write(head + entries + bytes(4) + long_values + b"".join(strips))


tiff("sixteen.tif", 33, 21, [deep[:, :, :3].astype("<u2").tobytes()], bits=[16] * 3, photometric=2, samples=3)
expect_deep("sixteen.tif", deep[:, :, :3], grey=True)
tiff("sixteen-big-endian.tif", 33, 21, [deep[:, :, :3].astype(">u2").tobytes()], ">", bits=[16] * 3, photometric=2, samples=3)
expect_deep("sixteen-big-endian.tif", deep[:, :, :3])
tiff("sixteen-grey.tif", 33, 21, [deep[:, :, 0].astype("<u2").tobytes()], bits=16, photometric=1, samples=1)
expect_deep("sixteen-grey.tif", deep[:, :, 0], grey=True)
tiff("min-is-white.tif", 61, 45, [numpy.asarray(luma).tobytes()], bits=8, photometric=0, samples=1)
expect("min-is-white.tif", Image.open(f"{out}/min-is-white.tif"))
tiff("private-tag.tif", 61, 45, [pixels.tobytes()], bits=[8] * 3, photometric=2, samples=3, private=7)
expect("private-tag.tif", rgb)
tiff("planes.tif", 61, 45, [pixels[:, :, c].tobytes() for c in range(3)], bits=[8] * 3, photometric=2, samples=3, planar=2)
expect("planes.tif", rgb)
padded = numpy.zeros((64, 64, 3), numpy.uint8)
padded[:45, :61] = pixels
tiles = [padded[y : y + 32, x : x + 32].tobytes() for y in (0, 32) for x in (0, 32)]
tiff("tiles.tif", 61, 45, tiles, tile=32, bits=[8] * 3, photometric=2, samples=3)
expect("tiles.tif", rgb)

# GIF
save("palette.gif", palette)
save("grey.gif", luma)
save("interlaced.gif", palette, interlace=True)
save("animated.gif", palette, save_all=True, append_images=[palette.transpose(Image.FLIP_LEFT_RIGHT)])
save("transparent.gif", palette, transparency=3)
with Image.open(f"{out}/transparent.gif") as image:
    # What is behind a transparent pixel is not kept by the decoder.
    expect("transparent.gif", Image.fromarray(numpy.asarray(image.convert("RGB")) * (numpy.asarray(image) != image.info["transparency"])[:, :, None].astype(numpy.uint8)))

# BMP
for name in make_bitmaps.make(out):
    expect(name, Image.open(f"{out}/{name}"))

# What has to be refused.
png("huge.png", 100000, 100000, 8, 2, b"\0" * 100)
png("short-data.png", 61, 45, 8, 2, unfiltered(pixels)[: pixels.size // 2])
tiff("float.tif", 61, 45, [numpy.asarray(luma).astype("<f4").tobytes()], bits=32, photometric=1, samples=1, format=3)
tiff("five.tif", 33, 21, [bytes(33 * 21 * 5)], bits=[8] * 5, photometric=1, samples=5, extra=[0] * 4)
for name in ("baseline.jpg", "progressive.jpg", "rgb.png", "interlaced.png", "lossy.webp", "lossless.webp", "rgb-raw.tif", "rgb-tiff_lzw.tif", "tiles.tif", "palette.gif", "bgr24.bmp", "rle8.bmp"):
    with open(f"{out}/{name}", "rb") as file:
        data = file.read()
    with open(f"{out}/truncated-{name}", "wb") as file:
        file.write(data[: len(data) * 2 // 3])
