"""A frame in every still-image syntax that must be read, encoded by others' encoders."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from tests.factories import ct_slice, multi_frame, native_frames, part10_bytes

from isocenter.dicom import frame_table, scan_file
from isocenter.dicom.source import opened
from isocenter.pixels import PixelDescription, decode_frame

ROOT = "1.2.840.10008.1.2"
NATIVE = [ROOT, f"{ROOT}.1", f"{ROOT}.2"]
LOSSLESS = [*(f"{ROOT}.4.{n}" for n in (57, 70, 80, 90, 92, 110, 201, 202)), f"{ROOT}.5"]
# The largest difference of a sample of eight bits, of noise at the quality that the factory takes.
LOSSY = {f"{ROOT}.4.{n}": worst for n, worst in ((81, 2), (91, 8), (93, 8), (203, 0))}


def decoded(content: bytes, number: int = 1) -> np.ndarray:
    header = scan_file(content)
    with opened(content) as (read, _):
        frame = frame_table(content, header).read_frame(read, number)
    return decode_frame(frame, PixelDescription.from_header(header), rgb=False)


@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS])
def test_signed_values_of_sixteen_bits_come_back_as_they_were(syntax: str) -> None:
    dataset = ct_slice(48, 40)
    (values,) = native_frames(dataset)
    np.testing.assert_array_equal(decoded(part10_bytes(dataset, syntax)), values)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS])
def test_values_of_eight_bits_come_back_frame_by_frame(syntax: str, samples: int) -> None:
    dataset = multi_frame(2, 48, 40, bits=8, samples=samples)
    content = part10_bytes(dataset, syntax)
    for number, values in enumerate(native_frames(dataset), 1):
        np.testing.assert_array_equal(decoded(content, number), values)


@pytest.mark.parametrize("syntax", LOSSY)
def test_what_may_lose_comes_back_about_as_it_was(syntax: str) -> None:
    dataset = multi_frame(1, 48, 40, bits=8)
    (values,) = native_frames(dataset)
    found = decoded(part10_bytes(dataset, syntax))
    assert abs(found.astype(int) - values).max() <= LOSSY[syntax]


@pytest.mark.parametrize("syntax", [f"{ROOT}.4.50", f"{ROOT}.4.91", f"{ROOT}.4.93"])
def test_what_may_lose_is_what_pillow_reads(syntax: str) -> None:
    """By pydicom, which knows Part 2 of JPEG 2000 under the name of Part 1."""
    dataset = multi_frame(1, 48, 40, bits=8)
    content = part10_bytes(dataset, syntax)
    theirs = pydicom.dcmread(BytesIO(content))
    theirs.file_meta.TransferSyntaxUID = syntax.replace("4.93", "4.91")
    np.testing.assert_array_equal(decoded(content), theirs.pixel_array)
