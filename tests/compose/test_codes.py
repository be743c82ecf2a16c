"""Codes of the caller's own are held against PS3.3 Table 8.8-1, in whatever kind of object."""

from collections.abc import Callable
from decimal import Decimal
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
    Segment,
    derived_series,
    key_object_selection,
    measurement_report,
    parametric_map,
    real_world_value_mapping,
    segmentation,
    spatial_fiducials,
    spatial_registration,
    units,
    video,
)
from isocenter.compose.reports import (
    Container,
    Report,
    Text,
    VerifyingObserver,
    structured_report,
)
from isocenter.compose.reports.measurement_groups import Measurement, MeasurementGroup
from isocenter.errors import CannotCompose

SERIES = ct_series(3, 16, 16)
MAP = np.ones((3, 16, 16), np.float32)
TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
FINDING = Code("121071", "DCM", "Finding")
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
    "segment": lambda code: segmentation(
        MAP.astype(np.uint8),
        source=SERIES,
        segments=[Segment("A", property_category=code, property_type=code)],
    ),
    "verifying observer": lambda code: structured_report(
        Report(
            Container(TITLE, children=(Text(FINDING, "None."),)),
            verified_by=(VerifyingObserver("Doe^Jane", "Hospital", identification=code),),
        )
    ),
    "derivation": lambda code: list(
        derived_series(SERIES, lambda pixels: pixels, description="none", codes=[code])
    ),
}
REPORTS: dict[str, Callable[[Code], Any]] = {
    "report": lambda code: structured_report(
        Report(Container(TITLE, children=(Text(code, "None."),)))
    ),
    "measurement": lambda code: measurement_report(
        [MeasurementGroup("1", measurements=(Measurement(code, Decimal(1), units("mm")),))],
        source=SERIES,
    ),
    "key objects": lambda code: key_object_selection(SERIES, title=code),
}
INCOMPLETE = {
    "no scheme": (Code("1", "", "Mass"), "scheme '', meaning 'Mass', is incomplete"),
    "no value": (Code("", "99X", "Mass"), "code '' of scheme '99X'"),
    "no meaning": (Code("1", "99X", ""), "meaning '', is incomplete"),
    "no scheme, and no URN": (Code("a:b", "", "Mass"), "is incomplete"),
}
TWO = "has a backslash or control character in a code"
WRONG = {
    "long meaning": (Code("1", "99X", "m" * 65), "a code meaning of 65 characters; at most 64 fit"),
    "long scheme": (Code("1", "S" * 17, "Mass"), "a code scheme of 17 characters; at most 16 fit"),
    "long version": (
        Code("1", "99X", "Mass", "v" * 17),
        "code version of 17 characters",
    ),
    "two values": (Code("1\\2", "99X", "Mass"), f"{TWO} value"),
    "two long values": (Code("1" * 9 + "\\" + "2" * 9, "99X", "Mass"), f"{TWO} value"),
    "two schemes": (Code("1", "99X\\99Y", "Mass"), f"{TWO} scheme"),
    "two meanings": (Code("1", "99X", "Mass\\Lump"), f"{TWO} meaning"),
    "two versions": (Code("1", "99X", "Mass", "1\\2"), f"{TWO} version"),
    "two lines": (Code("1", "99X", "Mass\nLump"), f"{TWO} meaning"),
}


@pytest.mark.parametrize(("code", "says"), INCOMPLETE.values(), ids=INCOMPLETE)
@pytest.mark.parametrize("kind", KINDS)
def test_an_incomplete_code_is_refused(kind: str, code: Code, says: str) -> None:
    with pytest.raises(CannotCompose, match=says):
        KINDS[kind](code)


@pytest.mark.parametrize(("code", "says"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("kind", KINDS | REPORTS)
def test_a_code_that_cannot_be_one_is_refused(kind: str, code: Code, says: str) -> None:
    with pytest.raises(CannotCompose, match=says):
        (KINDS | REPORTS)[kind](code)


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        (Code("1\\2", "99X", "Mass"), 0x00080100),
        (Code("1", "99X\\99Y", "Mass"), 0x00080102),
        (Code("1", "99X", "Mass", "1\\2"), 0x00080103),
        (Code("1", "99X", "Mass\\Lump"), 0x00080104),
    ],
)
def test_a_refused_code_names_the_attribute_at_fault(code: Code, tag: int) -> None:
    with pytest.raises(CannotCompose) as refused:
        code.whole_item()
    assert refused.value.tag == tag


@pytest.mark.parametrize("kind", KINDS)
def test_a_urn_needs_no_scheme(kind: str) -> None:
    KINDS[kind](Code("urn:oid:1.2.3", "", "Mass"))


def test_the_region_of_a_video_is_a_whole_code(tmp_path: Path) -> None:
    with pytest.raises(CannotCompose, match="is incomplete"):
        video(written(tmp_path / "film.mp4"), anatomic_region=Code("1", "", "Skin"))
