"""BMP files of every depth, compression, header and direction, made by hand: Pillow writes few of them."""
import struct

import numpy

WIDTH, HEIGHT = 37, 21
random = numpy.random.RandomState(3)
RED_FIRST = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def rows(lines, top_down=False):
    padded = [line + bytes(-len(line) % 4) for line in lines]
    return b"".join(padded if top_down else padded[::-1])


def bitmap(bits, data, compression=0, palette=b"", masks=b"", header=40, extra=b"", colours=0, top_down=False):
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height = -HEIGHT if top_down else HEIGHT
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(data), 2835, 2835, colours, 0) + extra
    start = 14 + len(info) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + masks + palette + data


def colour_map(count, fourth=b"\0"):
    return b"".join(bytes(map(int, colour)) + fourth for colour in random.randint(0, 256, (count, 3)))


def nibbles(line):
    line = list(line) + [0] * (len(line) % 2)
    return bytes(line[i] << 4 | line[i + 1] for i in range(0, len(line), 2))


def run_lengths(indices):
    """Runs and literals in turn."""
    data = b""
    for line in indices[::-1]:
        at = 0
        while at < WIDTH:
            count = min(5, WIDTH - at)
            if at % 3 == 0 and count >= 3:
                data += bytes([0, count]) + line[at : at + count].tobytes() + bytes(count % 2)
                at += count
            else:
                data += bytes([1, line[at]])
                at += 1
        data += b"\0\0"
    return data + b"\0\1"


def make(folder):
    rgb = random.randint(0, 256, (HEIGHT, WIDTH, 4)).astype(numpy.uint8)
    indices = random.randint(0, 256, (HEIGHT, WIDTH)).astype(numpy.uint8)
    words = random.randint(0, 65536, (HEIGHT, WIDTH)).astype("<u2")
    bgr = [line[:, 2::-1].tobytes() for line in rgb]
    bgrx = [line[:, [2, 1, 0, 3]].tobytes() for line in rgb]
    files = {}
    for name, top_down in (("", False), ("-top-down", True)):
        files["bgr24" + name] = bitmap(24, rows(bgr, top_down), top_down=top_down)
        files["bgrx32" + name] = bitmap(32, rows(bgrx, top_down), top_down=top_down)
        files["palette8" + name] = bitmap(8, rows([line.tobytes() for line in indices], top_down), palette=colour_map(256), top_down=top_down)
        files["palette4" + name] = bitmap(4, rows([nibbles(line & 15) for line in indices], top_down), palette=colour_map(16), top_down=top_down)
        files["palette1" + name] = bitmap(1, rows([numpy.packbits(line & 1).tobytes() for line in indices], top_down), palette=colour_map(2), top_down=top_down)
    files["short-palette"] = bitmap(8, rows([(line % 10).tobytes() for line in indices]), palette=colour_map(10), colours=10)
    files["grey"] = bitmap(8, rows([line.tobytes() for line in indices]), palette=b"".join(bytes([i, i, i, 0]) for i in range(256)))
    files["rgb555"] = bitmap(16, rows([line.tobytes() for line in words]))
    files["rgb565"] = bitmap(16, rows([line.tobytes() for line in words]), 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    files["fields32"] = bitmap(32, rows(bgrx), 3, masks=struct.pack("<III", *RED_FIRST[:3]))
    files["alpha-v4"] = bitmap(32, rows(bgrx), 3, header=108, extra=struct.pack("<IIII", *RED_FIRST) + b"BGRs" + bytes(48))
    files["alpha-v5"] = bitmap(32, rows(bgrx), 3, header=124, extra=struct.pack("<IIII", *RED_FIRST) + b"BGRs" + bytes(64))
    files["os2-bgr24"] = bitmap(24, rows(bgr), header=12)
    files["os2-palette8"] = bitmap(8, rows([line.tobytes() for line in indices]), palette=colour_map(256, b""), header=12)
    files["rle8"] = bitmap(8, run_lengths(indices), 1, palette=colour_map(256))
    pairs = b"".join(b"".join(bytes([min(2, WIDTH - x), line[2 * i]]) for i, x in enumerate(range(0, WIDTH, 2))) + b"\0\0" for line in indices[::-1])
    files["rle4"] = bitmap(4, pairs + b"\0\1", 2, palette=colour_map(16))
    for name, content in files.items():
        with open(f"{folder}/{name}.bmp", "wb") as file:
            file.write(content)
    return [f"{name}.bmp" for name in files]
