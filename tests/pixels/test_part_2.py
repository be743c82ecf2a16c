"""JPEG 2000 Part 2 (PS3.5 A.4.4): transformations of components are undone, the rest is told."""

import subprocess
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from tests.compose.judges import needs
from tests.pixels.corpus import Picture
from tests.pixels.test_decode import ROOT, described

from isocenter.dicom import transfer_syntax
from isocenter.errors import PixelDataError
from isocenter.pixels import PixelDescription, decode_frame
from isocenter.pixels.codestreams import read_codestream_header
from isocenter.pixels.jpeg_2000 import decode_components

# 8 by 8 pixels, coded by the library of OpenJPEG 2.1.0 after opj_set_MCT: an array-based
# irreversible decorrelation with offsets in CBD, MCT, MCC and MCO, and the 9/7 wavelet. Three
# components by a matrix that is not symmetric, and four, each less half of its neighbour. What the
# same library decodes of them stands behind each; later ones refuse them.
COLOUR = b64decode(
    "/0//UQAvgQAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAECAgQEAAD/XAARQl"
    "9SUAVQBVBHV9NX01di/3gABwADBwcH/3QALAAACQEAAD+AAAC/pXCkPwwo9j+AAAA+/IaUvwYgLT+AAAA/WbECP6GCMf90"
    "ABQAAAoCAABDAAAAQvAAAELIAAD/dQAXAAADAAAAAQEAAwABAgADAAECAAIB/3cABAED/5AACgAAAAAAogAB/5PD7wYNPM"
    "O0Ln/D7wUCVkc338/UHAeD8YfjPRfB9IOD6QcAcEANBJ8ME8gPv8H0hIHzA4B8AQAOAre/DDpdD9fB9ISH2AkB8YIPoGd/"
    "C0OsWw/PwHxh4D4w4CDEiaTUet8AzW+Y6D3fwHxiYB8IoCFdVXOq03n/fwFbXmC/wPmEQPmEgCRgumgd2WpfGbz5vOMOuy"
    "8b/9k="
)
COLOUR_DECODED = b64decode(
    "AP8AHv4APP0AWvwAePsAl/oBtPkA0fgBAuYAH+UGPOQKWuMPeeIUmOEatuAe1N8iAs4BIcwKPssUXMoee8komckztsc81M"
    "ZGA7UBIbMPPrIeXbEte7A8mq9Lt65a1a1pBJsBIpoUP5koXpg8fJdQm5ZkuJV41pSLB4IAI4AZQYAxX39LfX5km31+uX2X"
    "13ywB2kBI2geQWc8YGZafmV4nGSWumO02WLTCFABJU8iQ05FYU1ogEyMnUuwu0vT2Ur0"
)
FOUR = b64decode(
    "/0//UQAygQAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAAEBwEBBwEBBwEBBwEB/1IADAAAAAECAgQEAAD/XA"
    "ARQl9SUAVQBVBHV9NX01di/3gACAAEBwcHB/90AEgAAAkBAAA/gAAAAAAAAAAAAAAAAAAAPwAAAD+AAAAAAAAAAAAAAD6A"
    "AAA/AAAAP4AAAAAAAAA+AAAAPoAAAD8AAAA/gAAA/3QAGAAACgIAAEMAAABDAAAAQwAAAEMAAAD/dQAZAAADAAAAAQEABA"
    "ABAgMABAABAgMAAgH/dwAEAQP/kAAKAAAAAADOAAH/k8fkDAksKsPMn8/UHATTeXuBwt/P1BgIrHwp8r3H5AwD48n0DrfD"
    "7AWAOCAM9vixvws3wfSEh9gIDgVKdgwWGG7D7ASPvBYHzAgP2krzD8/scQAPz8D5gcPsBID4wQANlEMQW1vSEIPA+YQAIh"
    "gjipzi6iHAfGIgfMKAIWwHPCMQwh8Az16QxiWYDYBfwPmEwfSKgBCAI3Iqk0saMh4fJEzVuaK7UGLEvyPAPhHgfMJAIiEr"
    "owC4jyTk2DdUwo/yP//Z"
)
FOUR_DECODED = b64decode(
    "AP8BgR7+AIg8/QCQWvwAmHj7AKCW+gCotPkAsNL4AbgB5gF5H+UEfz3kCohb4w+QeeIUmJfhGaC14B6o098isALOAHEgzA"
    "l4PssUgFzKHoh6ySiQmMgymLbHPKDUxkaoA7UAaCGzD3A/sh54XbEtgHuwPIiZr0uQt65amNWtaaAEmwBgIpoUaECZKHBe"
    "mDx4fJdQgJqWZIi4lXiQ1pSMmAWCAFgjgRlgQYAyaF9/S3B9fmR4m319gLl8lojXe6+QBmoAUCRoHlhCZzxgYGZaaH5meH"
    "CcZJZ4umO0gNhi0ocHUAFIJE4iUEJORlhgTWlgf0yMaJ1Lr3C6StJ32Uj0gA=="
)
# Three components of 12 bits with a sign, in four tiles.
TILES = b64decode(
    "/0//UQAvgQAAAAAIAAAACAAAAAAAAAAAAAAABQAAAAUAAAAAAAAAAAADiwEBiwEBiwEB/1IADAAAAAECAQQEAAD/XAALQm"
    "gkd9N303di/3gABwADi4uL/3QALAAACQEAAD+AAAC/pXCkPwwo9j+AAAA+/IaUvwYgLT+AAAA/WbECP6GCMf90ABQAAAoC"
    "AAAAAAAAQsgAAMJIAAD/dQAXAAADAAAAAQEAAwABAgADAAECAAIB/3cABAED/5AACgAAAAAAhQAB/5PH8B4V/QH17K/wYT"
    "7fpi6Mal/H8BwBtK889ug2cn3ZT1WAP9/wRAdFLrKDQb3sJdyheg3hA5rfwB9IaAPpDAH+Msf/fwmoKiDKT8AfSGgB8wUA"
    "CLHn1rmhCd8f0X/AH0h4B9gPAAIgCsPeiCmBnwuh3EZmcDUAD/+QAAoAAQAAAGwAAf+Tx/AMAZHi79uXx/AKCTcbdJfP7A"
    "wGXvvgmZ/AfeDwB9IOAARACLVCChkeyAnRXwlvwPyCIAPjBQAHBAFbV98oEEOHAEMJa8D8giAfYBwAPgCADh2hUqiVylkA"
    "Rz8JbP+QAAoAAgAAAG0AAf+Tx/AMCEn2uiI/wfkDAAK69ZU5f8fwCgZnP1bLwB9IKB+QRAAIgAD7AGybdofkK6AJb8APmB"
    "wD7AaAA4IJiL8A+RJYm4sJa8A+wDgfkEwAPgCAAQ9nCaZnGv0RiGeiCWz/kAAKAAMAAABYAAH/k8A+kEAEc8PyAgidx+oG"
    "ACt/wH3gcB94HAA+AIAJiLkAY9sABcB94HAPsA4AfMDAARt3Cfa3ABQDwPyAoP1BIAfMCAndCfaVzwAG/9k="
)
TILES_DECODED = b64decode(
    "MPjPBwD4I/qyBwH4GPyTBwD4Df52BwD4//9ZBwH49QE6BwD46AMcBwD42wX+BgD4OfhBBgD4L/oiBlD4IvwFBqD4Fv7nBf"
    "D4CgDHBT75/gGrBZD58wOMBeD55gVuBS/6RfiwBAH4OPqSBKD4LPx0BED5IP5WBOD5EwA4BID6CAIbBCD7/AP8A8H77wXe"
    "A2D8T/ggAwD4QfoCA/D4NvzkAuD5Kv7GAtD6HQCpAsH7EwKKArD8BgRsAqD9+QVOAo/+WPiRAQL4TfpyAUD5QfxUAYH6NP"
    "43AcH7KQAXAQD9HAL6AEH+DwTdAID/BAa+AL8AY/gBAAD4Vfri/4/5SvzF/yD7Pv6m/7D8MgCI/0D+KAJq/9H/GgRM/18B"
    "DQYt/+8Cbfhx/gH4YPpS/uD5Vfw1/sD7SP4W/qD9PQD4/YD/MALa/WEBJAS8/T8DGAad/R8Fdvjh/AH4a/rC/DD6X/yk/G"
    "D8Uv6G/JH+SABo/MAAOQJK/PECLQQs/B8FIgYN/E8H"
)

_ROW, _COLUMN = np.mgrid[:8, :8]
COLOUR_PIXELS = np.stack(
    [_COLUMN * 30 + _ROW, 255 - _ROW * 25 - _COLUMN, (_COLUMN * _ROW * 5) % 256], axis=-1
)
FOUR_PIXELS = np.concatenate([COLOUR_PIXELS, (128 + _COLUMN * 8 - _ROW * 8)[..., None]], axis=-1)
TILES_PIXELS = np.stack(
    [
        _COLUMN * 500 + _ROW * 10 - 2000,
        2000 - _ROW * 400 - _COLUMN * 30,
        (_COLUMN * _ROW * 80) % 4096 - 2048,
    ],
    axis=-1,
)
"""What was coded."""


def description(samples: int, suffix: str = "93") -> PixelDescription:
    base = Picture.named("SC_rgb.dcm").description if samples == 3 else described()
    syntax = transfer_syntax(ROOT + suffix)
    depth = {"bits_allocated": 8, "bits_stored": 8, "high_bit": 7}
    return replace(base, rows=8, columns=8, transfer_syntax=syntax, **depth)


@pytest.mark.parametrize("suffix", ["91", "92", "93"])
def test_decorrelated_components_are_what_openjpeg_makes_of_them(suffix: str) -> None:
    decoded = decode_frame(COLOUR, description(3, suffix))
    np.testing.assert_array_equal(decoded.ravel(), np.frombuffer(COLOUR_DECODED, np.uint8))
    assert np.abs(decoded - COLOUR_PIXELS).max() <= 2  # what the quantisation loses


def test_four_components_are_what_openjpeg_makes_of_them() -> None:
    decoded = decode_components(FOUR, read_codestream_header(FOUR))
    np.testing.assert_array_equal(decoded.ravel(), np.frombuffer(FOUR_DECODED, np.uint8))
    assert np.abs(decoded - FOUR_PIXELS).max() <= 1


def test_tiles_and_signed_components_are_what_openjpeg_makes_of_them() -> None:
    depth = {"bits_allocated": 16, "bits_stored": 12, "high_bit": 11, "pixel_representation": 1}
    decoded = decode_frame(TILES, replace(description(3), **depth))
    assert decoded.dtype == np.int16
    np.testing.assert_array_equal(decoded.ravel(), np.frombuffer(TILES_DECODED, "<i2"))
    assert np.abs(decoded - TILES_PIXELS).max() <= 2


@pytest.mark.peer
@pytest.mark.parametrize("codestream", [COLOUR, FOUR], ids=["three", "four"])
def test_openjpegs_program_of_today_refuses_them(codestream: bytes, tmp_path: Path) -> None:
    coded = tmp_path / "part2.j2k"
    coded.write_bytes(codestream)
    command = [needs("opj_decompress", "libopenjp2-tools"), "-i", coded, "-o", tmp_path / "o.raw"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode and b"Invalid multiple component transformation" in done.stdout


def _segment(marker: int, data: bytes, body: bytes) -> bytes:
    """A codestream with one more marker segment behind SIZ."""
    behind = 4 + int.from_bytes(data[4:6], "big")
    more = marker.to_bytes(2, "big") + (len(body) + 2).to_bytes(2, "big") + body
    return data[:behind] + more + data[behind:]


@pytest.mark.parametrize("marker", [0xFF72, 0xFF76, 0xFF79])
def test_what_openjpeg_passes_over_is_not_shown(marker: int) -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    plain = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True))
    np.testing.assert_array_equal(decode_frame(plain, description(1)), values)
    with pytest.raises(PixelDataError, match=rf"\({marker:04X}\) of Part 2"):
        decode_frame(_segment(marker, plain, bytes(8)), description(1))


@pytest.mark.parametrize("style", [3, 9, 31])
@pytest.mark.parametrize("marker", [b"\xff\x5c", b"\xff\x5d"], ids=["QCD", "QCC"])
def test_quantisation_that_openjpeg_takes_for_another_is_not_shown(
    marker: bytes, style: int
) -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    coded = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=False, level=0))
    place = coded.index(b"\xff\x5c")
    end = place + 2 + int.from_bytes(coded[place + 2 : place + 4], "big")
    body = bytes([coded[place + 4] & 0xE0 | style]) + coded[place + 5 : end]
    if marker == b"\xff\x5c":
        changed = coded[:place] + coded[place : place + 4] + body + coded[end:]
    else:
        changed = coded[:end] + marker + (len(body) + 3).to_bytes(2, "big") + b"\0" + body
        changed += coded[end:]
    with pytest.raises(PixelDataError, match=rf"quantisation {style} \(Sqcd, Sqcc\) of Part 2"):
        decode_frame(changed, description(1))


def test_regions_of_interest_of_part_2_are_not_shown() -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    plain = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True))
    np.testing.assert_array_equal(
        decode_frame(_segment(0xFF5E, plain, bytes([0, 0, 0])), description(1)), values
    )
    with pytest.raises(PixelDataError, match=r"region of interest 1 \(Srgn\) of Part 2"):
        decode_frame(_segment(0xFF5E, plain, bytes([0, 1, 4])), description(1))


@pytest.mark.parametrize("marker", [0xFF74, 0xFF75, 0xFF77, 0xFF78])
def test_transformations_that_the_coding_style_does_not_speak_of_are_refused(marker: int) -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    plain = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True))
    with pytest.raises(PixelDataError, match=r"segments of Part 2 .* and 0 for them in COD"):
        decode_frame(_segment(marker, plain, bytes(8)), description(1))
