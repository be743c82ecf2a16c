"""Visible light images: dciodvfy accepts them and pydicom reads the same pixels."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice

from isocenter.compose.captures.photograph import photograph
from isocenter.errors import CannotCompose

KINDS = {"photographic": "77.1.4", "endoscopic": "77.1.1", "microscopic": "77.1.2"}
MODALITIES = {"photographic": "XC", "endoscopic": "ES", "microscopic": "GM"}
COLOR = np.random.default_rng(3).integers(0, 256, (8, 10, 3), np.uint8)


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOR).save(buffer, format="JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("pixels", [COLOR, COLOR[..., 0]], ids=["color", "grey"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_sop_class_and_modality(
    tmp_path: Path, kind: str, pixels: np.ndarray
) -> None:
    composed = photograph(pixels, kind=kind, source=ct_slice(8, 8), pixel_spacing=(0.1, 0.1))
    path = composed.save(tmp_path / "vl.dcm")
    data_set = pydicom.dcmread(path)
    assert data_set.SOPClassUID == f"1.2.840.10008.5.1.4.1.1.{KINDS[kind]}"
    assert data_set.Modality == MODALITIES[kind]
    np.testing.assert_array_equal(data_set.pixel_array, pixels)
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_goes_in_byte_by_byte(tmp_path: Path, kind: str) -> None:
    stream = jpeg()
    path = photograph(stream, kind=kind).save(tmp_path / "vl.dcm")
    data_set = pydicom.dcmread(path)
    (frame,) = generate_frames(data_set.PixelData, number_of_frames=1)
    assert frame[: len(stream)] == stream
    assert data_set.LossyImageCompression == "01"
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    ("pixels", "kind", "sentence"),
    [
        (np.zeros((2, 4, 4), np.uint8), "photographic", "2 frames"),
        (np.zeros((4, 4), np.uint16), "photographic", "16 bits"),
        (np.zeros((4, 4), np.int8), "photographic", "sign"),
        (np.zeros((4, 4), np.uint8), "x-ray", "photographic, endoscopic, microscopic"),
    ],
)
def test_what_cannot_be_right_is_refused(pixels: np.ndarray, kind: str, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        photograph(pixels, kind=kind)
