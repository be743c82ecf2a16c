"""Multi-frame objects whose frames are components of codestreams, as OpenJPEG encodes them."""

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from tests.compose.judges import needs
from tests.factories import multi_frame, part10_bytes

LOSSLESS, LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (92, 93))


def volume(frames: int, rows: int = 24, columns: int = 20, *, bits: int = 8) -> NDArray[np.uint16]:
    """Frames that resemble each other: a bright spot that moves, in noise."""
    frame, row, column = np.mgrid[:frames, :rows, :columns]
    spot = np.exp(-((row - 8 - frame) ** 2 + (column - 9 + frame) ** 2) / 20)
    noise = np.random.default_rng(frames).random(spot.shape) / 8
    return ((spot + noise) / 1.2 * (2**bits - 1)).astype(f"<u{(bits + 7) // 8}")


def encoded(frames: NDArray[np.generic], *options: str, bits: int = 0, form: str = "u") -> bytes:
    """One codestream of which each frame is a component, by opj_compress, without loss."""
    program = needs("opj_compress", "libopenjp2-tools")
    count, rows, columns = frames.shape
    with tempfile.TemporaryDirectory() as folder:
        raw, coded = Path(folder, "frames.rawl"), Path(folder, "frames.j2k")
        raw.write_bytes(frames.tobytes())
        size = f"{columns},{rows},{count},{bits or 8 * frames.dtype.itemsize},{form}"
        # No options may stand behind -F: what it says is read beyond its end.
        command = [program, "-i", raw, "-o", coded, "-n", "3", "-mct", "0", *options, "-F", size]
        subprocess.run(command, capture_output=True, timeout=60, check=True)
        return coded.read_bytes()


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def cut(codestream: bytes, parts: int = 1) -> list[bytes]:
    """Fragments of a codestream, each of even length."""
    size = max(2, -(-len(codestream) // parts))
    size += size % 2
    fragments = [codestream[at : at + size] for at in range(0, len(codestream), size)]
    return [fragment + b"\0" * (len(fragment) % 2) for fragment in fragments or [b""]]


def pixel_data(codestreams: Sequence[bytes], table: Sequence[int] = (), parts: int = 1) -> bytes:
    """The value of Pixel Data, with an offset table of the codestreams counted from 0."""
    pieces = [b"".join(map(item, cut(each, parts))) for each in codestreams]
    places = [sum(map(len, pieces[:n])) for n in range(len(pieces))]
    offsets = [places[n] for n in table]
    return item(struct.pack(f"<{len(offsets)}I", *offsets)) + b"".join(pieces)


def collected(
    codestreams: Sequence[bytes],
    like: NDArray[np.generic],
    *,
    syntax: str = LOSSY,
    table: Sequence[int] = (),
    parts: int = 1,
    **attributes: object,
) -> tuple[Dataset, bytes]:
    """An object with these codestreams as Pixel Data: its header, and the file."""
    bits = 8 * like.dtype.itemsize
    stored = {"PixelRepresentation": int(like.dtype.kind == "i"), "PixelData": None} | attributes
    dataset = multi_frame(*like.shape, bits=bits, **stored)
    element = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    value = pixel_data(codestreams, table, parts) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return dataset, part10_bytes(dataset, syntax) + element + value
