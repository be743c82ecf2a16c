"""Real World Value Mappings: dciodvfy judges them, highdicom applies them to the same values."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import composite, ct_series, multi_frame, part10_bytes

from isocenter.compose.codes import Code
from isocenter.compose.measured.real_world_mappings import RealWorldMapping, quantity, units
from isocenter.compose.measured.real_world_values import (
    read_real_world_value_mapping,
    real_world_value_mapping,
)
from isocenter.dicom import validate
from isocenter.errors import CannotCompose, InvalidAttribute

SERIES = ct_series(3, rows=12, columns=16, PixelRepresentation=0, PixelPaddingValue=0)
SUV = RealWorldMapping(
    "SUVbw", units("g/ml"), "body weight", Code("126401", "DCM", "SUVbw"), 0.5, -3, last=4095
)


def by_highdicom(path: Path, stored: np.ndarray) -> np.ndarray:
    """What highdicom's own reading of the mapping gives."""
    import highdicom

    (item,) = pydicom.dcmread(path).ReferencedImageRealWorldValueMappingSequence
    (mapping,) = item.RealWorldValueMappingSequence
    mapping.__class__ = highdicom.pm.RealWorldValueMapping
    return mapping.apply(stored)


def test_a_linear_mapping_means_the_same_to_highdicom(tmp_path: Path) -> None:
    path = real_world_value_mapping(SUV, source=SERIES).save(tmp_path / "rwv.dcm")
    assert dciodvfy_errors(path) == []
    assert [found.message for found in validate(str(path))] == []
    stored = np.arange(0, 4096, 7, np.uint16)
    np.testing.assert_allclose(by_highdicom(path, stored), stored * 0.5 - 3)
    (found,) = read_real_world_value_mapping(path)
    assert found.mappings == (SUV,)
    np.testing.assert_allclose(found.mappings[0].apply(stored), stored * 0.5 - 3)
    assert [one.ReferencedSOPInstanceUID for one in found.references] == [
        one.SOPInstanceUID for one in SERIES
    ]


def test_a_table_means_the_same_to_highdicom(tmp_path: Path) -> None:
    table = tuple((np.arange(10.0) ** 2).tolist())
    mapping = RealWorldMapping("square", units("1"), table=table, first=5, last=14)
    path = real_world_value_mapping(mapping, source=SERIES).save(tmp_path / "rwv.dcm")
    assert dciodvfy_errors(path) == []
    stored = np.array([5, 6, 14], np.uint16)
    np.testing.assert_allclose(by_highdicom(path, stored), [0, 1, 81])
    (found,) = read_real_world_value_mapping(path)
    np.testing.assert_allclose(found.mappings[0].apply(stored), [0, 1, 81])
    assert np.isnan(found.mappings[0].apply(np.array([4, 15]))).all()


def test_signed_values_are_mapped_from_below_zero(tmp_path: Path) -> None:
    signed = ct_series(1, rows=12, columns=16)
    mapping = RealWorldMapping("HU", units("[hnsf'U]"), first=-1024, last=3071)
    path = real_world_value_mapping(mapping, source=signed).save(tmp_path / "rwv.dcm")
    assert dciodvfy_errors(path) == []
    (item,) = pydicom.dcmread(path).ReferencedImageRealWorldValueMappingSequence
    element = item.RealWorldValueMappingSequence[0]["RealWorldValueFirstValueMapped"]
    assert (element.VR, element.value) == ("SS", -1024)


def test_only_the_frames_that_are_meant_are_referred_to(tmp_path: Path) -> None:
    path = real_world_value_mapping(
        [SUV, RealWorldMapping("other", units("Bq/ml"))],
        source=multi_frame(),
        referenced_frame_numbers="1,3",
    ).save(tmp_path / "rwv.dcm")
    assert dciodvfy_errors(path) == []
    (found,) = read_real_world_value_mapping(path)
    assert list(found.references[0].ReferencedFrameNumber) == [1, 3]
    assert [one.label for one in found.mappings] == ["SUVbw", "other"]


def test_it_belongs_to_its_study(tmp_path: Path) -> None:
    files = []
    for number, one in enumerate(SERIES):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10_bytes(one))
    composed = real_world_value_mapping(SUV, source=files)
    assert dcentvfy_errors([*files, composed.save(tmp_path / "rwv.dcm")]) == []


def test_quantities_are_known_by_their_meaning_or_given_as_codes() -> None:
    assert quantity("126401:DCM:SUVbw") == Code("126401", "DCM", "SUVbw")
    found = quantity("Relative Regional Blood Flow")
    assert found is not None and found.scheme == "DCM"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RealWorldMapping("x" * 17, units("1")), "1 to 16"),
        (lambda: RealWorldMapping("x", units("1"), "y" * 65), "at most 64"),
        (lambda: RealWorldMapping("x", units("1"), table=(1.0, 2.0), first=0, last=2), "2 values"),
        (lambda: RealWorldMapping("x", units("1"), first=5, last=2), "ascending"),
        (lambda: RealWorldMapping("x", units("1"), slope=float("inf")), "not finite"),
        (lambda: units("furlong"), "UCUM"),
        (lambda: real_world_value_mapping((), source=SERIES), "no mapping"),
        (lambda: real_world_value_mapping((SUV, SUV), source=SERIES), "same label"),
        (
            lambda: real_world_value_mapping(
                SUV, source=composite("1.2.840.10008.5.1.4.1.1.88.11", "SR")
            ),
            "no images",
        ),
    ],
)
def test_a_mapping_that_cannot_be_right_is_refused_by_name(make: object, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        make()  # type: ignore[operator]


def test_an_empty_range_leaves_it_to_the_one_in_double_floats() -> None:
    item = RealWorldMapping("HU", units("[hnsf'U]"), first=0.0, last=100.0).item(signed=False)
    for keyword in ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"):
        setattr(item, f"DoubleFloat{keyword}", 7.0)
        setattr(item, keyword, None)
    read = RealWorldMapping.read(item)
    assert (read.first, read.last) == (7.0, 7.0)


def test_an_image_is_no_mapping() -> None:
    with pytest.raises(InvalidAttribute, match="no real world value mapping"):
        read_real_world_value_mapping(SERIES[0])
