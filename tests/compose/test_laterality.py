"""Sides of paired body parts: what is known is kept, what is not known is not called unpaired."""

import numpy as np
import pydicom
import pytest
from tests.compose import judges
from tests.factories import ct_series

from isocenter import compose
from isocenter.compose.codes import Code

BREAST = Code("76752008", "SCT", "Breast")
HEAD = Code("69536005", "SCT", "Head")
VALUES = np.random.default_rng(0).integers(0, 99, (3, 16, 16)).astype(np.int16)


def images(part, region, modifier=None, **said):
    found = ct_series(3, 16, 16, BodyPartExamined=part, **said)
    for one in found:
        one.AnatomicRegionSequence = [region.item()]
        if modifier is not None:
            one.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier.item()]
    return found


def judged(series, folder):
    paths = series.save(folder)
    for path in paths:
        assert judges.dciodvfy_errors(path) == []
    return [pydicom.dcmread(path) for path in paths]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (images("BREAST", BREAST), ("U", "Entire body")),
        (images("BREAST", BREAST, ImageLaterality="U"), ("U", "Entire body")),
        (images("BREAST", BREAST, ImageLaterality="L"), ("L", "Breast")),
        (images(None, BREAST, Laterality="R"), ("R", "Breast")),
        (images(None, BREAST, Code("24028007", "SCT", "Right")), ("R", "Breast")),
        (images(None, BREAST, Code("51440002", "SCT", "Bilateral")), ("B", "Breast")),
        (images("HEAD", HEAD), ("U", "Head")),
    ],
    ids=["nothing", "unpaired", "image", "series", "modifier", "both", "head"],
)
def test_frames_are_unpaired_only_of_what_there_is_one(tmp_path, source, expected):
    series = compose.acquired_series(VALUES, modality="CT", source=source, enhanced=True)
    (made,) = judged(series, tmp_path / "out")
    (anatomy,) = made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence
    assert (anatomy.FrameLaterality, anatomy.AnatomicRegionSequence[0].CodeMeaning) == expected
    assert "Laterality" not in made and "ImageLaterality" not in made


@pytest.mark.parametrize(
    ("part", "said", "expected"),
    [
        ("BREAST", {"ImageLaterality": "L"}, (None, "L")),
        ("BREAST", {"ImageLaterality": "B"}, (None, "B")),
        ("BREAST", {"ImageLaterality": "U"}, ("", None)),
        ("BREAST", {"ImageLaterality": "R", "Laterality": "R"}, ("R", None)),
        ("BREAST", {}, ("", None)),
        ("HEAD", {"ImageLaterality": "U"}, (None, "U")),
        ("HEAD", {}, (None, None)),
    ],
)
def test_a_series_says_the_side_of_its_source(tmp_path, part, said, expected):
    source = images(part, BREAST if part == "BREAST" else HEAD, **said)
    for made in judged(
        compose.acquired_series(VALUES, modality="CT", source=source), tmp_path / "out"
    ):
        found = tuple(
            (made[one].value or "") if one in made else None
            for one in ("Laterality", "ImageLaterality")
        )
        assert found == expected


def test_slices_of_two_sides_are_a_series_of_none(tmp_path):
    source = images("KNEE", Code("72696002", "SCT", "Knee"))
    for one, side in zip(source, "RRL", strict=True):
        one.ImageLaterality = side
    found = judged(compose.acquired_series(VALUES, modality="CT", source=source), tmp_path / "out")
    assert all(one.Laterality == "" and "ImageLaterality" not in one for one in found)


@pytest.mark.parametrize(
    ("part", "region", "expected"),
    [("BREAST", BREAST, ""), (None, BREAST, ""), ("HEAD", HEAD, None)],
)
def test_a_side_that_the_source_forgot_is_empty_in_what_is_derived(
    tmp_path, part, region, expected
):
    source = images(part, region)
    for made in judged(compose.derived_series(source, lambda one: one + 1), tmp_path / "out"):
        found = (made.Laterality or "") if "Laterality" in made else None
        assert found == expected
