"""Codes of the caller's own are held against PS3.3 Table 8.8-1, in whatever kind of object."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.compose.test_video import written
from tests.factories import ct_series

from isocenter.compose import (
    Code,
    Fiducial,
    RealWorldMapping,
    derived_series,
    parametric_map,
    real_world_value_mapping,
    spatial_fiducials,
    spatial_registration,
    units,
    video,
)
from isocenter.errors import CannotCompose

SERIES = ct_series(3, 16, 16)
MAP = np.ones((3, 16, 16), np.float32)
POINT = np.array([[1.0, 2.0, 3.0]])

KINDS: dict[str, Callable[[Code], Any]] = {
    "units": lambda code: parametric_map(MAP, source=SERIES, units_of_measure=code),
    "quantity": lambda code: real_world_value_mapping(
        RealWorldMapping("x", units("mm"), quantity=code, last=9), source=SERIES
    ),
    "mapped units": lambda code: real_world_value_mapping(
        RealWorldMapping("x", code, last=9), source=SERIES
    ),
    "fiducial": lambda code: spatial_fiducials([Fiducial("A", POINT, code=code)], source=SERIES),
    "registration type": lambda code: spatial_registration(
        np.eye(4), source=SERIES, registration_type=code
    ),
    "derivation": lambda code: list(
        derived_series(SERIES, lambda pixels: pixels, description="none", codes=[code])
    ),
}
WRONG = {
    "no scheme": (Code("1", "", "Mass"), "scheme '', meaning 'Mass', is incomplete"),
    "no value": (Code("", "99X", "Mass"), "code '' of scheme '99X'"),
    "no meaning": (Code("1", "99X", ""), "meaning '', is incomplete"),
    "long meaning": (Code("1", "99X", "m" * 65), "has 65 characters; at most 64 fit"),
    "no scheme, and no URN": (Code("a:b", "", "Mass"), "is incomplete"),
}


@pytest.mark.parametrize(("code", "says"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("kind", KINDS)
def test_a_code_that_cannot_be_one_is_refused(kind: str, code: Code, says: str) -> None:
    with pytest.raises(CannotCompose, match=says):
        KINDS[kind](code)


@pytest.mark.parametrize("kind", KINDS)
def test_a_urn_needs_no_scheme(kind: str) -> None:
    KINDS[kind](Code("urn:oid:1.2.3", "", "Mass"))


def test_the_region_of_a_video_is_a_whole_code(tmp_path: Path) -> None:
    with pytest.raises(CannotCompose, match="is incomplete"):
        video(written(tmp_path / "film.mp4"), anatomic_region=Code("1", "", "Skin"))
