"""What Python callers give by mistake is refused in words that name the parameter."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from tests.factories import ct_series

from isocenter import compose
from isocenter.compose.planes import Stack
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.compose.structure_sets.regions import Contour
from isocenter.errors import CannotCompose, IsocenterError

MASK = np.ones((3, 16, 16), np.bool_)
PICTURE = np.zeros((4, 4), np.uint8)
FRAMES = np.zeros((3, 4, 4), np.uint8)
FIELD = DisplacementField.from_array(np.zeros((2, 2, 2, 3)))
NOT_CALLED = {"AcquiredSeries", "Composed", "DerivedSeries", "LeftOut", "Origin", "Provenance"}
"""What composing returns, which nobody makes."""

_CODE = compose.Code("121071", "DCM", "Finding")
SOUND: dict[str, dict[str, Any]] = {
    "Code": {"value": "1", "scheme": "99X", "meaning": "x"},
    "Fiducial": {"identifier": "a"},
    "Grid": {
        "origin": np.zeros(3),
        "spacing": np.ones(3),
        "directions": np.eye(3),
        "shape": (1, 1, 1),
    },
    "Measurement": {"name": _CODE, "value": Decimal(1), "unit": _CODE},
    "MeasurementGroup": {"tracking_id": "a"},
    "ObjectVolume": {"values": MASK, "names": {}, "images": Stack((), (), ())},
    "Pixels": {"array": MASK},
    "RealWorldMapping": {"label": "a", "units": _CODE},
    "Region": {"name": "a"},
    "RegistrationTransform": {"transform": np.eye(4), "fixed": "1.2", "moving": "1.3"},
    "Resample": {"spacing": (1.0,)},
    "Segment": {"label": "a"},
    "Smooth": {"sigma": 1.0},
    "Source": {"data_set": Dataset()},
    "Sources": {"members": ()},
    "Template": {},
}
"""What else there must be."""


def parameters(called: Any) -> Iterator[str]:
    """Yield those that do not take whatever there is."""
    for one in inspect.signature(called).parameters.values():
        if one.kind is not one.VAR_KEYWORD and one.annotation not in ("Any", "VolumeLike"):
            yield one.name


@pytest.mark.parametrize("name", sorted(set(compose.__all__) - NOT_CALLED))
def test_a_value_of_a_wrong_type_is_refused_by_the_name_of_its_parameter(name: str) -> None:
    called = getattr(compose, name)
    for parameter in parameters(called):
        said = f"{parameter} of {name}" if is_dataclass(called) else parameter
        with pytest.raises(CannotCompose, match=f"^{said} is of type object; expected "):
            called(**SOUND.get(name, {}) | {parameter: object()})


@pytest.fixture(scope="module")
def images() -> list[Any]:
    return ct_series(3, 16, 16)


MISTAKES: dict[str, tuple[Callable[[Any], object], str]] = {
    "text for a number": (
        lambda s: compose.sc(PICTURE, source=s, series_number="7"),
        "series_number is of type str; expected a whole number or None",
    ),
    "text for yes or no": (
        lambda s: compose.sc(PICTURE, source=s, burned_in_annotation="no"),
        "burned_in_annotation is of type str; expected True or False",
    ),
    "yes for a number": (
        lambda s: compose.sc(PICTURE, source=s, instance_number=True),
        "instance_number is of type bool; expected a whole number",
    ),
    "one of several": (
        lambda s: compose.sc(PICTURE, source=[*s, None]),
        r"source\[3\] is None; expected a Dataset or a path",
    ),
    "too few": (
        lambda s: compose.Region("a", MASK, color=(1, 2)),
        "color of Region is of type tuple of 2; expected 3 whole numbers",
    ),
    "a mask for a region": (
        lambda s: compose.rtstruct([MASK], source=s),
        r"regions\[0\] is an array of bool of shape \(3, 16, 16\); expected a Region",
    ),
    "one that comes later": (
        lambda s: compose.rtstruct((one for one in (compose.Region("a", MASK), 1)), source=s),
        r"regions\[1\] is of type int; expected a Region",
    ),
    "a list for an array": (
        lambda s: compose.Pixels([1, 2]),
        "array of Pixels is of type list of 2; expected a numpy array",
    ),
    "one path for several": (
        lambda s: compose.correct("a.dcm", output="out"),
        "paths is of type str; expected several paths",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_sentence_says_what_was_found_and_what_was_expected(
    mistake: str, images: list[Any]
) -> None:
    call, said = MISTAKES[mistake]
    with pytest.raises(CannotCompose, match=said):
        call(images)


WRONG: dict[str, tuple[Callable[[Any], object], int | None]] = {
    "a number of 100 bits": (
        lambda s: compose.sc(PICTURE, source=s, series_number=1 << 100),
        0x00200011,
    ),
    "a number for an instance": (lambda s: compose.ko(s, instance_number=1 << 31), 0x00200013),
    "a long description": (lambda s: compose.ko(s, series_description="x" * 65), 0x0008103E),
    "two descriptions": (lambda s: compose.ko(s, series_description="a\\b"), 0x0008103E),
    "a modality in words": (lambda s: compose.sc(PICTURE, source=s, modality="other!"), 0x00080060),
    "no time at all": (lambda s: compose.sc(FRAMES, source=s, frame_time=float("nan")), 0x00181063),
    "no distance": (lambda s: compose.vl(PICTURE, source=s, pixel_spacing=(0, -1)), 0x00280030),
    "no UID": (
        lambda s: compose.reg(np.eye(4), source=s, source_frame_of_reference_uid="here"),
        0x00200052,
    ),
    "lists of two lengths": (lambda s: compose.reg([[1, 2], [3]], source=s), None),
    "words for a matrix": (lambda s: compose.reg({"a": 1}, source=s), None),
    "a long name": (
        lambda s: compose.rtstruct([compose.Region("x" * 65, MASK)], source=s),
        0x30060026,
    ),
    "no colour": (
        lambda s: compose.rtstruct([compose.Region("x", MASK, color=(0, 0, 300))], source=s),
        0x3006002A,
    ),
    "halves": (lambda s: compose.rtstruct([compose.Region("x", MASK * 0.5)], source=s), 0x30060050),
    "contours of text": (lambda s: Contour(np.array([["a"] * 3] * 3)), 0x30060050),
    "points of text": (lambda s: compose.Fiducial("a", np.array([["a"] * 3])), 0x30060050),
    "a point without a place": (lambda s: compose.Fiducial("a", np.array(1.0)), 0x30060050),
    "a mask that is none": (lambda s: compose.seg(7, source=s), 0x00200032),
    "labels with a root of -1": (
        lambda s: compose.write_label_map(MASK * 1j, "labels.nii", source=s),
        0x00200032,
    ),
    "a grid of text": (
        lambda s: compose.Grid(np.array(["a", "b", "c"]), np.ones(3), np.eye(3), (1, 1, 1)),
        None,
    ),
    "an affine of text": (
        lambda s: compose.series(MASK * 9, modality="CT", affine=[["1"] * 4] * 4),
        None,
    ),
    "a transform of another size": (
        lambda s: compose.RegistrationTransform(np.eye(3), "1.2", "1.3").write("moved.tfm"),
        None,
    ),
    "no precision": (
        lambda s: compose.derive(s, compose.Smooth(2), precision=float("nan")),
        None,
    ),
    "a Gaussian of no width": (lambda s: compose.derive(s, compose.Smooth(float("nan"))), None),
    "voxels of no size": (lambda s: compose.Resample((0.0, 1.0, 1.0)), 0x00280030),
    "a grid of no slices": (
        lambda s: compose.Grid(np.zeros(3), np.ones(3), np.eye(3), (0, 1, 1)),
        0x00280010,
    ),
    "a grid of less than no rows": (
        lambda s: compose.Grid(np.zeros(3), np.ones(3), np.eye(3), (1, -1, 1)),
        0x00280010,
    ),
    "a volume of less than no thickness": (
        lambda s: compose.ObjectVolume(MASK, {}, Stack((), (), ()), thickness=-1.0),
        0x00180050,
    ),
    "a label map of no thickness": (
        lambda s: compose.write_label_map(MASK, "a.nii", source=s, thickness=float("nan")),
        0x00180050,
    ),
    "points at no distance": (
        lambda s: compose.deformable_registration(FIELD, source=s, spacing=0.0),
        0x00640008,
    ),
    "a field from nowhere": (
        lambda s: DisplacementField.from_array(np.zeros((2, 2, 2, 3)), origin=(0, float("nan"), 0)),
        None,
    ),
    "values that all become one": (
        lambda s: compose.parametric_map(
            np.ones((3, 16, 16)), source=s, units_of_measure="mm", slope=0.0
        ),
        0x00409225,
    ),
    "a segment below the background": (
        lambda s: compose.seg(MASK, source=s, segments={-1: compose.Segment("a")}),
        0x00620004,
    ),
    "a segment that no label can be": (
        lambda s: compose.seg(MASK, source=s, segments={1 << 70: compose.Segment("a")}),
        0x00620004,
    ),
    "a single picture for no time": (
        lambda s: compose.sc(PICTURE, source=s, frame_time=-1.0),
        0x00181063,
    ),
    "a transform that makes all flat": (
        lambda s: compose.RegistrationTransform(np.diag([0.0, 1, 1, 1]), "1.2", "1.3").write(
            "flat.tfm"
        ),
        0x300600C6,
    ),
    "a reason of one's own": (
        lambda s: compose.correct(["a.dcm"], output="out", reason="tidy"),
        0x04000565,
    ),
    "a path that is too long": (lambda s: compose.sc(PICTURE, source="x" * 5000), None),
    "a path of few letters and many bytes": (
        lambda s: compose.sc(PICTURE, source="名" * 100),
        None,
    ),
    "a file that is too long": (lambda s: compose.ko(s).save("x" * 5000), None),
    "a file of no character": (lambda s: compose.ko(s).save("a\0b"), None),
    "a file of half a character": (lambda s: compose.ko(s).save("a\ud800"), None),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_value_that_cannot_be_is_refused(
    mistake: str, images: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, tag = WRONG[mistake]
    with pytest.raises(CannotCompose) as refused:
        call(images)
    assert tag is None or refused.value.tag == tag
    assert not list(tmp_path.iterdir())


def test_a_smoothing_of_numpys_numbers_is_one_of_pythons(images: list[Any]) -> None:
    width: Any = np.float32(2)
    made = next(iter(compose.derive(images, compose.Smooth(width))))
    assert "2 mm" in made.data_set.DerivationDescription


def test_the_value_itself_is_not_told(images: list[Any]) -> None:
    with pytest.raises(IsocenterError) as refused:
        compose.sc(PICTURE, source=images, series_description={"Doe^Jane": 1})
    assert "Doe" not in str(refused.value)


def test_numbers_and_paths_of_other_libraries_are_taken(images: list[Any], tmp_path: Path) -> None:
    made = compose.sc(
        PICTURE,
        source=tuple(images),
        series_number=np.int16(7),
        pixel_spacing=np.array([0.5, 0.25], np.float32),
        burned_in_annotation=np.bool_(True),
    )
    assert (made.data_set.SeriesNumber, made.data_set.PixelSpacing) == (7, [0.5, 0.25])
    assert made.data_set.BurnedInAnnotation == "YES"
