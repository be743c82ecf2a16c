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
from isocenter.errors import CannotCompose, IsocenterError

MASK = np.ones((3, 16, 16), np.bool_)
PICTURE = np.zeros((4, 4), np.uint8)
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
        r"regions\[0\] is an array of shape \(3, 16, 16\); expected a Region",
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
