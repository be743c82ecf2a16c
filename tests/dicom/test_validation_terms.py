"""Code strings that are no term of PS3.3: what we and dciodvfy say of every one in an object."""

import copy
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import DataElement, Dataset, config
from pydicom.multival import MultiValue
from tests.compose.judges import needs
from tests.dicom import corpus
from tests.factories import ct_series, ct_slice, part10_bytes

from isocenter import compose
from isocenter.dicom import validate
from isocenter.dicom.validation.findings import Rule, Severity

pytestmark = pytest.mark.peer

SERIES = ct_series(3, 16, 16)
VALUES = np.arange(3 * 16 * 16, dtype=np.int16).reshape(3, 16, 16)
MASK = np.zeros((3, 16, 16), bool)
MASK[1, 4:9, 4:9] = True
NO_TERM = "ZZZ"
NO_LISTS = ("SpecificCharacterSet", "GraphicLayer")
_LINE = re.compile(r"(Error|Warning) - <(\S+)> - Unrecognized (?:enumerated value|defined term)")
_IN_BRACKETS = re.compile(r"[\[(][^\])]*[\])]")
STATE = {
    "text": [{"text": "Nodule", "anchor": [9, 9]}],
    "shutter": {"circle": {"center": [8, 8], "radius": 5}},
}


def acquired(modality: str, **options: object) -> Dataset:
    series = compose.acquired_series(VALUES, modality=modality, affine=np.eye(4), **options)
    return next(iter(series)).data_set


OBJECTS: dict[str, Callable[[], Dataset]] = {
    "CT": lambda: ct_slice(8, 8),
    "MR": lambda: corpus.read(corpus.named("MR_small.dcm")),
    "PT": lambda: acquired("PT", source=SERIES),
    "SC": lambda: compose.secondary_capture(np.zeros((4, 4), np.uint8), source=SERIES).data_set,
    "SEG": lambda: compose.segmentation(MASK * 0.5, source=SERIES, kind="FRACTIONAL").data_set,
    "GSPS": lambda: compose.presentation_state(STATE, source=SERIES).data_set,
    "RTSTRUCT": lambda: (
        compose.rt_structure_set([compose.Region("a", MASK)], source=SERIES).data_set
    ),
    "enhanced MR": lambda: acquired("MR", enhanced=True),
}

# "path: their severity, ours" and why they differ.
EXPLAINED = {
    r"BodyPartExamined: Warning, None": "the list may be added to, and grows with PS3.16 Annex L",
    r"(CodingScheme|MappingResource)": "coding schemes are registered, and anyone may have more",
    r"CT ImageType: Warning, Error": "CT Image has two values for the third (PS3.3 C.8.2.1.1.1)",
    r"MR ImageType: (Warning, None|None, Warning)": "values 3 and 4 of enhanced images",
    r"FrameType: Warning, None": "values 3 and 4 of frames of enhanced images",
    r"PatientSexNeutered|SOPInstanceStatus": "it passes over what PS3.3 enumerates",
    r"TextStyleSequence": "it predates text styles",
    r"CompoundGraphicType: Error, Warning": "defined terms in PS3.3 C.10.5, not enumerated",
    r"SEG SegmentationFractionalType: None": "the mutated type is no longer a fractional one",
    r"enhanced MR (Bits|HighBit|PixelRep|SamplesPer)\w*: Error, None": (
        "it allows bits by the pixel presentation, which is mutated; ours are numbers, not codes"
    ),
    r"SC PhotometricInterpretation: Warning, Error": "its list of captures has terms only",
    r"SC ConversionType: Error, Warning": "defined terms in PS3.3 C.8.6.1, not enumerated",
}


def _codes(data_set: Dataset) -> Iterator[DataElement]:
    for element in list(data_set):
        if element.VR == "SQ":
            for item in element.value:
                yield from _codes(item)
        elif element.VR == "CS" and element.keyword not in NO_LISTS:
            yield element


def mutated(data_set: Dataset) -> Dataset:
    """Every code string that is there, with all its values, made no term of any list."""
    changed = copy.deepcopy(data_set)
    for element in _codes(changed):
        many = isinstance(element.value, MultiValue)
        element.value = [NO_TERM] * len(element.value) if many else NO_TERM
    return changed


def plain(path: str) -> str:
    return _IN_BRACKETS.sub("", path).lstrip("/")


def theirs(path: Path) -> dict[str, str]:
    done = subprocess.run(
        [needs("dciodvfy", "dicom3tools"), "-new", path],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found: dict[str, str] = {}
    for severity, place in _LINE.findall(done.stdout + done.stderr):
        found[plain(place)] = min(severity, found.get(plain(place), severity))
    return found


def ours(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in validate(path):
        if one.rule is Rule.TERM:
            severity = "Error" if one.severity is Severity.ERROR else "Warning"
            found[plain(one.path)] = min(severity, found.get(plain(one.path), severity))
    return found


@pytest.mark.parametrize("kind", OBJECTS)
def test_we_agree_with_dciodvfy_on_every_code_string_that_is_no_term(
    kind: str, tmp_path: Path
) -> None:
    with config.disable_value_validation():
        path = tmp_path / "mutated.dcm"
        path.write_bytes(part10_bytes(mutated(OBJECTS[kind]())))
    they, we = theirs(path), ours(path)
    disagreements = [
        f"{kind} {place}: {they.get(place)}, {we.get(place)}"
        for place in sorted(they.keys() | we.keys())
        if they.get(place) != we.get(place)
    ]
    explained = re.compile("|".join(EXPLAINED))
    assert "\n".join(one for one in disagreements if not explained.search(one)) == ""
    assert len(they.keys() & we.keys()) >= 2


@pytest.mark.parametrize("missing", [(), ("SamplesPerPixel",)])
def test_pixels_are_of_no_photometric_interpretation_but_those_of_the_standard(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    image = ct_slice(8, 8, PhotometricInterpretation="GREY")
    for keyword in missing:
        delattr(image, keyword)
    path = tmp_path / "grey.dcm"
    path.write_bytes(part10_bytes(image))
    (found,) = [one for one in validate(path) if one.keyword == "PhotometricInterpretation"]
    assert found.severity is Severity.ERROR
    assert "MONOCHROME1, MONOCHROME2" in found.message


@pytest.mark.parametrize("shape", ["SQUARE", "CIRCULAR"])
def test_a_shutters_shape_is_looked_at_though_two_modules_have_it(
    shape: str, tmp_path: Path
) -> None:
    state = OBJECTS["GSPS"]()
    state.ShutterShape = shape
    path = tmp_path / "state.dcm"
    path.write_bytes(part10_bytes(state))
    assert (ours(path) == {"ShutterShape": "Error"}) is (shape == "SQUARE")
    assert ours(path).get("ShutterShape") == theirs(path).get("ShutterShape")
