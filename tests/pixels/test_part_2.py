"""JPEG 2000 Part 2 (PS3.5 A.4.4): what it does to components is undone by nobody, so it is told."""

import subprocess
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from tests.compose.judges import needs
from tests.factories import multi_frame, part10_bytes
from tests.pixels.corpus import Picture
from tests.pixels.test_decode import ROOT, described

from isocenter.dicom import transfer_syntax
from isocenter.errors import PixelDataError
from isocenter.pixels import PixelDescription, decode_frame
from isocenter.pixels.files import render_file

# 8 by 8 pixels by OpenJPEG 2.5.0 after opj_set_MCT (an array-based transformation, with CBD, MCT,
# MCC and MCO), which its program opj_compress offers as -m and does not read: three components by
# the matrix of YBR_ICT, and four, each less half of its neighbour.
COLOUR = b64decode(
    "/0//UQAvgQAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAECAQQEAAD/XAA"
    "LQkgkV9NX01di/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS4w/3gABwADBwcH/3QALAAACQEAAD"
    "+AAAC1oAAAP7N0uD+AAAC+sDKNvzbRoT+AAAA/4tDnNOLQ5/90ABQAAAoCAABDAAAAQwAAAEMAAAD/dQAXAAADAAAAA"
    "QEAAwABAgADAAECAAIB/3cABAED/5AACgAAAAAARQAB/5PPwEgTjP9PqngXvtWFzRpzrUwbc+eAgMAdHgPkEQD4RhOY"
    "CLbo2z4Anlqo4GHyuyS69Xkwf4CA/9k="
)
FOUR = b64decode(
    "/0//UQAygQAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAAEBwEBBwEBBwEBBwEB/1IADAAAAAECAQQEAAD"
    "/XAALQkgkV9NX01di/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS4w/3gACAAEBwcHB/90AEgAAA"
    "kBAAA/gAAAAAAAAAAAAAAAAAAAPwAAAD+AAAAAAAAAAAAAAD6AAAA/AAAAP4AAAAAAAAA+AAAAPoAAAD8AAAA/gAAA/"
    "3QAGAAACgIAAEMAAABDAAAAQwAAAEMAAAD/dQAZAAADAAAAAQEABAABAgMABAABAgMAAgH/dwAEAQP/kAAKAAAAAABK"
    "AAH/k8/ASBzWN2M67eSy9P3sSo3NuLmYf4CAgMA+EeA+QTAPhHAgr+kYDumPAMICEmr2dDLzGLIKZSyC74CAgP/Z"
)


def description(samples: int, suffix: str = "93") -> PixelDescription:
    base = Picture.named("SC_rgb.dcm").description if samples == 3 else described()
    syntax = transfer_syntax(ROOT + suffix)
    depth = {"bits_allocated": 8, "bits_stored": 8, "high_bit": 7}
    return replace(base, rows=8, columns=8, transfer_syntax=syntax, **depth)


@pytest.mark.parametrize("suffix", ["91", "92", "93"])
def test_a_transformation_of_part_2_is_named(suffix: str) -> None:
    with pytest.raises(PixelDataError, match=r"uses CBD \(FF78\) of Part 2.*PS3.5 A.4.4.*fetch"):
        decode_frame(COLOUR, description(3, suffix))


@pytest.mark.peer
@pytest.mark.parametrize("codestream", [COLOUR, FOUR], ids=["three", "four"])
def test_openjpegs_own_program_refuses_them_too(codestream: bytes, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("marker", [0xFF72, 0xFF74, 0xFF75, 0xFF76, 0xFF77, 0xFF78, 0xFF79])
def test_what_openjpeg_passes_over_is_not_shown(marker: int) -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    plain = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True))
    np.testing.assert_array_equal(decode_frame(plain, description(1)), values)
    with pytest.raises(PixelDataError, match=rf"\({marker:04X}\) of Part 2"):
        decode_frame(_segment(marker, plain, bytes(8)), description(1))


@pytest.mark.parametrize("suffix", ["92", "93"])
def test_frames_that_are_components_are_told_as_such(suffix: str, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(BytesIO(part10_bytes(multi_frame(4, 8, 8, bits=8))))
    dataset.PixelData = encapsulate([FOUR])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = ROOT + suffix
    dataset.save_as(tmp_path / "collection.dcm")
    with pytest.raises(
        PixelDataError, match=r"4 components, Samples per Pixel \(0028,0002\) says 1; frames that"
    ):
        render_file(tmp_path / "collection.dcm")
    for number in (2, 4):
        with pytest.raises(PixelDataError, match="frame"):
            render_file(tmp_path / "collection.dcm", frame=number)
