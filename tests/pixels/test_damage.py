"""Frames that decoders would show with a part of the picture lost, and those that only look so."""

import struct
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from tests.compose.judges import needs
from tests.pixels.corpus import Picture
from tests.pixels.test_decode import DEFLATED_FRAME, ROOT, described
from tests.pixels.test_rle import frame as rle_frame

from isocenter.dicom import transfer_syntax
from isocenter.errors import PixelDataError
from isocenter.pixels import PixelDescription, decode_frame
from isocenter.pixels.jpeg_scans import read_scans
from isocenter.pixels.rle import decode_rle
from isocenter.pixels.tile_parts import check_tile_parts

NOISE = np.random.default_rng(1).integers(0, 256, (300, 260), np.uint8)


def of(values: np.ndarray, suffix: str) -> PixelDescription:
    bits = 8 * values.dtype.itemsize
    return described(
        rows=values.shape[0],
        columns=values.shape[1],
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        transfer_syntax=transfer_syntax(ROOT + suffix),
    )


def overwritten(data: bytes, start: int, filling: bytes) -> bytes:
    return data[:start] + filling + data[start + len(filling) :]


def pages_lost(data: bytes) -> dict[str, bytes]:
    """A page of a disk without its content, or without its place, in the middle of a frame."""
    middle = len(data) // 2
    return {
        "zeros": overwritten(data, middle - 2048, bytes(4096)),
        "ones": overwritten(data, middle - 2048, b"\xff" * 4096),
        "gone": data[: middle - 2048] + data[middle + 2048 :],
        "end": data[:middle] + data[-2:],
    }


LARGE = {
    "JPEG": lambda: (imagecodecs.jpeg8_encode(NOISE, level=90), of(NOISE, "50")),
    "JPEG, tables of its own": lambda: (
        imagecodecs.jpeg8_encode(NOISE, level=90, optimize=True),
        of(NOISE, "50"),
    ),
    "JPEG lossless": lambda: (
        imagecodecs.jpeg8_encode(NOISE, lossless=True, predictor=1, bitspersample=8),
        of(NOISE, "70"),
    ),
    "JPEG lossless of a radiograph": lambda: _of_corpus("JPEG-LL.dcm"),
    "JPEG lossless, another": lambda: _of_corpus("JPGLosslessP14SV1_1s_1f_8b.dcm"),
    "JPEG-LS": lambda: (imagecodecs.jpegls_encode(NOISE, out=200_000), of(NOISE, "80")),
    "JPEG 2000": lambda: (
        imagecodecs.jpeg2k_encode(NOISE, codecformat="j2k", reversible=True, level=0, out=200_000),
        of(NOISE, "90"),
    ),
    "JPEG 2000 of a radiograph": lambda: _of_corpus("RG1_J2KR.dcm"),
    "HTJ2K": lambda: (imagecodecs.htj2k_encode(NOISE, reversible=True), of(NOISE, "201")),
    "JPEG XL": lambda: (imagecodecs.jpegxl_encode(NOISE, lossless=True), of(NOISE, "110")),
}


def _of_corpus(name: str) -> tuple[bytes, PixelDescription]:
    picture = Picture.named(name)
    return picture.data(), picture.description


@pytest.mark.parametrize("name", LARGE)
def test_a_page_that_was_lost_is_told(name: str) -> None:
    data, description = LARGE[name]()
    decode_frame(bytes(data), description)
    for how, damaged in pages_lost(bytes(data)).items():
        with pytest.raises(PixelDataError):
            decode_frame(damaged, description)
            pytest.fail(f"{how}: a picture is shown")


@pytest.mark.parametrize("name", ["693_J2KR.dcm", "US1_J2KI.dcm", "MR_small_jp2klossless.dcm"])
def test_a_tile_of_zeros_is_no_gray_picture(name: str) -> None:
    data, description = _of_corpus(name)
    start = data.index(b"\xff\x93") + 2
    zeros = overwritten(data, start, bytes(len(data) - 2 - start))
    with pytest.raises(PixelDataError, match="tile 1 of the JPEG 2000 frame is damaged: .* 00 00"):
        decode_frame(zeros, description)


def test_a_high_throughput_tile_of_zeros_is_no_gray_picture() -> None:
    data, description = LARGE["HTJ2K"]()
    start = data.index(b"\xff\x93") + 2
    with pytest.raises(PixelDataError, match="tile 1 of the JPEG 2000 frame is damaged"):
        decode_frame(overwritten(data, start, bytes(len(data) - 2 - start)), description)


def _tiled(tmp_path: Path, *options: str) -> tuple[bytes, list[int]]:
    """A codestream of OpenJPEG's own program, and where its tile-parts begin."""
    program = needs("opj_compress", "libopenjp2-tools")
    image, coded = tmp_path / "image.pgm", tmp_path / "image.j2k"
    image.write_bytes(b"P5\n260 300\n255\n" + NOISE.tobytes())
    command = [program, "-i", image, "-o", coded, *options]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    data = coded.read_bytes()
    places = [data.index(b"\xff\x90\0\x0a")]
    while data[places[-1] : places[-1] + 2] == b"\xff\x90":
        length = int.from_bytes(data[places[-1] + 6 : places[-1] + 10], "big")
        places.append(places[-1] + length)
    return data, places


@pytest.mark.peer
def test_a_tile_that_is_missing_is_no_black_picture(tmp_path: Path) -> None:
    data, places = _tiled(tmp_path, "-t", "128,128")
    np.testing.assert_array_equal(decode_frame(data, of(NOISE, "90")), NOISE)
    for first, behind in ((0, 1), (4, 5), (8, 9), (3, 9)):
        without = data[: places[first]] + data[places[behind] :]
        sentence = f"{behind - first} of the 9 tiles .* missing, the first is {first + 1}"
        with pytest.raises(PixelDataError, match=sentence):
            decode_frame(without, of(NOISE, "90"))


@pytest.mark.peer
def test_a_tile_part_that_is_missing_is_told(tmp_path: Path) -> None:
    data, places = _tiled(tmp_path, "-TP", "R")
    np.testing.assert_array_equal(decode_frame(data, of(NOISE, "90")), NOISE)
    without = data[: places[-2]] + data[places[-1] :]
    with pytest.raises(PixelDataError, match=r"tile 1 .* has 5 parts; its header \(TNsot\) says 6"):
        decode_frame(without, of(NOISE, "90"))


@pytest.mark.peer
@pytest.mark.parametrize(
    "options",
    [
        ["-n", "1"],
        ["-c", "[64,64],[64,64]"],
        ["-M", "1"],
        ["-M", "63"],
        ["-SOP", "-EPH"],
        ["-t", "64,64", "-p", "RPCL", "-r", "20,10,1"],
        ["-b", "4,4", "-PLT", "-TLM"],
    ],
    ids=" ".join,
)
def test_whatever_openjpeg_writes_is_whole(options: list[str], tmp_path: Path) -> None:
    data, _ = _tiled(tmp_path, *options)
    np.testing.assert_array_equal(decode_frame(data, of(NOISE, "90")), NOISE)


ROWS, COLUMNS = np.mgrid[:300, :260]
PLAIN = {
    "black": ROWS * 0,
    "gray": ROWS * 0 + 128,
    "white": ROWS * 0 + 255,
    "stripes": COLUMNS % 2 * 255,
    "checks": (ROWS + COLUMNS) % 2 * 255,
    "dots": ((ROWS % 4 == 0) & (COLUMNS % 2 == 0)) * 255,
    "mask": (COLUMNS > 200) & (ROWS > 250),
    "ramp": COLUMNS % 256,
    "black below": np.where(ROWS < 100, NOISE, 0),
    "gray below": np.where(ROWS < 100, NOISE, 128),
    "black but for a corner": np.where((ROWS > 290) & (COLUMNS > 250), NOISE, 0),
}
CODERS: dict[str, Callable[[np.ndarray], bytes | bytearray]] = {
    "50": lambda a: imagecodecs.jpeg8_encode(a, level=80, optimize=True),
    "57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=7, bitspersample=8),
    "70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1, bitspersample=8),
    "90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", reversible=True, out=400_000),
    "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
}


@pytest.mark.parametrize("suffix", CODERS)
@pytest.mark.parametrize("name", PLAIN)
def test_plain_and_regular_pictures_are_no_damage(name: str, suffix: str) -> None:
    values = PLAIN[name].astype(np.uint8)
    found = decode_frame(bytes(CODERS[suffix](values)), of(values, suffix))
    if suffix == "50":
        assert np.abs(found.astype(int) - values).mean() < 8
    else:
        np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (40, 50), (40, 50, 3)])
def test_every_predictor_is_followed_to_the_last_sample(
    predictor: int, shape: tuple[int, ...]
) -> None:
    values = np.random.default_rng(2).integers(0, 65536, shape, np.uint16)
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if len(shape) == 3 else {}
    data = imagecodecs.jpeg8_encode(
        values, lossless=True, predictor=predictor, bitspersample=16, **space
    )
    found = decode_frame(bytes(data), _sixteen(shape))
    np.testing.assert_array_equal(found, values)


def _sixteen(shape: tuple[int, ...]) -> PixelDescription:
    colour = len(shape) == 3
    base = Picture.named("SC_rgb.dcm").description if colour else described()
    changes = {"rows": shape[0], "columns": shape[1], "bits_allocated": 16, "bits_stored": 16}
    syntax = transfer_syntax(ROOT + "57")
    return described(
        **changes,
        high_bit=15,
        samples_per_pixel=base.samples_per_pixel,
        photometric_interpretation=base.photometric_interpretation,
        transfer_syntax=syntax,
    )


def test_restart_markers_are_counted() -> None:
    # An interval of 40 units, said afterwards: of 900 units there would be 22 markers.
    data = bytes(imagecodecs.jpeg8_encode(NOISE[:240, :240].copy()))
    scan = data.index(b"\xff\xda")
    without = data[:scan] + b"\xff\xdd\0\x04\0\x28" + data[scan:]
    with pytest.raises(PixelDataError, match="0 restart markers, .* expected 22"):
        decode_frame(without, of(NOISE[:240, :240], "50"))


def test_rle_that_goes_on_behind_the_frame_is_not_its_own() -> None:
    literal, tail = b"\x17" + bytes(range(24)), b"\x02\x01\x02\x03"
    description = described(bits_allocated=8, bits_stored=8, high_bit=7)
    for forgiven in (literal + bytes(9), b"\x16" + bytes(range(23)) + b"\xf0\x17"):
        found = decode_rle(rle_frame(forgiven), description)
        assert found.reshape(-1).tolist() == list(range(24))
    with pytest.raises(PixelDataError, match="goes on for 4 bytes behind the last"):
        decode_rle(rle_frame(literal + tail), description)


@pytest.mark.parametrize("size", [50, 100])
def test_a_deflated_frame_ends_where_the_frame_does(size: int) -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(bytes(size)) + packer.flush()
    with pytest.raises(PixelDataError, match="does not end behind its 48 bytes"):
        decode_frame(data, described(transfer_syntax=DEFLATED_FRAME))


def test_hostile_frames_of_many_pieces_take_no_long_time() -> None:
    image = NOISE[:64, :64].copy()
    jpeg = bytes(imagecodecs.jpeg8_encode(image))
    place = jpeg.index(b"\xff\xda")
    scan = jpeg[place : place + 10] + b"\x12"
    wavelets = bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", reversible=True))
    place = wavelets.index(b"\xff\x90\0\x0a")
    part = b"\xff\x90\0\x0a\0\0\0\0\0\x0e\0\0\xff\x93"
    start = time.perf_counter()
    read_scans(jpeg[: jpeg.index(b"\xff\xda")] + scan * 100_000 + b"\xff\xd9")
    check_tile_parts(wavelets[:place] + part * 100_000 + b"\xff\xd9")
    assert time.perf_counter() - start < 10


def test_styles_of_many_components_are_not_kept_for_each_of_many_tiles() -> None:
    coded = bytearray(imagecodecs.jpeg2k_encode(NOISE[:40, :50], codecformat="j2k", level=0))
    coded[24:32] = struct.pack(">II", 1, 1)  # XTsiz, YTsiz
    place = coded.index(b"\xff\x52")
    style = b"\xff\x53\0\x09\0\0" + bytes(coded[place + 9 : place + 14])
    header = bytes(coded[: coded.index(b"\xff\x90")]) + style * 1000
    part = ">HHHIBBH"
    tiles = [struct.pack(part, 0xFF90, 10, n, 14, 0, 1, 0xFF93) for n in range(2000)]
    tracemalloc.start()
    check_tile_parts(header + b"".join(tiles) + b"\xff\xd9")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
