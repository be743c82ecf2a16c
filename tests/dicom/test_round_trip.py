"""What pydicom writes, in whatever encoding, is read as it was meant."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from pydicom import Dataset
from tests.dicom.data_sets import data_sets
from tests.dicom.test_json_model import corrected
from tests.factories import (
    data_set_bytes,
    encode_frame,
    multi_frame,
    native_frames,
    part10_bytes,
)

from isocenter.dicom import data_set_json, frame_table, inflate, scan, scan_file, transfer_syntax
from isocenter.dicom.source import opened

EXPLICIT = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
IMPLICIT = "1.2.840.10008.1.2"
# All of the conformance tables that we cover, and HTJ2K, H.265, JPEG XL and JPEG-LS besides.
ENCAPSULATED = [
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93)),
    *(f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112, 201, 202, 203)),
    *(f"1.2.840.10008.1.2.{n}" for n in ("1.98", "5", "8.1")),
]
VIDEO = [f"1.2.840.10008.1.2.4.{n}" for n in range(100, 109)]


def model(dataset: Dataset, uid: str) -> Any:
    data = data_set_bytes(dataset, uid)
    syntax = transfer_syntax(uid)
    if syntax.deflated:
        data = inflate(data)
    assert scan(data, syntax, final=True).sop_instance_uid == "1.2.3"
    return json.loads(data_set_json(data, syntax, bulk_data_uri="bulk"))


def close(left: Any, right: Any) -> bool:
    """Equality with floats that went through text."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(close(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12)
    return bool(left == right)


@pytest.mark.parametrize("uid", EXPLICIT)
@given(dataset=data_sets())
@settings(deadline=None, max_examples=60)
def test_data_sets_in_explicit_syntaxes(uid: str, dataset: Dataset) -> None:
    expected = corrected(
        json.loads(json.dumps(dataset.to_json_dict())), big_endian=uid == EXPLICIT[1]
    )
    assert close(model(dataset, uid), expected)


def without_private(written: Any) -> Any:
    """Implicit VR does not say what private elements are."""
    if isinstance(written, list):
        return [without_private(each) for each in written]
    if not isinstance(written, dict):
        return written
    return {
        key: without_private(value)
        for key, value in written.items()
        if not (len(key) == 8 and key.startswith("0011"))
    }


@given(dataset=data_sets())
@settings(deadline=None, max_examples=60)
def test_data_sets_in_implicit_syntax(dataset: Dataset) -> None:
    explicit, implicit = model(dataset, EXPLICIT[0]), model(dataset, IMPLICIT)
    assert without_private(implicit) == without_private(explicit)


@pytest.mark.parametrize("uid", ENCAPSULATED)
@pytest.mark.parametrize("samples", [1, 3])
def test_frames_in_every_still_image_syntax(uid: str, samples: int) -> None:
    dataset = multi_frame(3, 24, 16, bits=8, samples=samples)
    content = part10_bytes(dataset, uid)
    table = frame_table(content, scan_file(content))
    with opened(content) as (read, _):
        frames = [table.read_frame(read, n) for n in (1, 2, 3)]
    encoded = [encode_frame(frame, uid) for frame in native_frames(dataset)]
    assert frames == [each + b"\0" * (len(each) % 2) for each in encoded]


@pytest.mark.parametrize("uid", VIDEO)
def test_a_video_in_every_syntax(uid: str) -> None:
    content = part10_bytes(multi_frame(1, bits=8, samples=3, NumberOfFrames=1), uid)
    header = scan_file(content)
    assert header.transfer_syntax.video and frame_table(content, header).frames_found == 1


@pytest.mark.parametrize("uid", [*EXPLICIT, IMPLICIT])
def test_frames_in_every_native_syntax(uid: str) -> None:
    dataset = multi_frame(3, 5, 7)
    content = part10_bytes(dataset, uid)
    header = scan_file(content)
    if header.inflated:
        content = inflate(content[header.data_set_offset :])
    table = frame_table(content, header)
    order = "<" if header.transfer_syntax.little_endian else ">"
    with opened(content) as (read, _):
        for number, frame in enumerate(native_frames(dataset), 1):
            assert table.read_frame(read, number) == frame.astype(f"{order}u2").tobytes()
