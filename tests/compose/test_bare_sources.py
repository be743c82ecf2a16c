"""Every kind, of sources that say much, little or hardly anything: valid to somebody else."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import ct_series, part10_bytes

from isocenter import compose
from isocenter.compose import reports

BARE = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "Rows",
    "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "PixelData", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "FrameOfReferenceUID", "RescaleSlope", "RescaleIntercept", "PatientID",
)  # fmt: skip
SOURCES: dict[str, dict[str, object]] = {
    "no body part": {"BodyPartExamined": None},
    "nor anatomy": {"BodyPartExamined": None, "AnatomicRegionSequence": None},
    "a paired part": {"BodyPartExamined": "HAND", "AnatomicRegionSequence": None},
    "its left": {
        "BodyPartExamined": "HAND",
        "Laterality": "L",
        "AnatomicRegionSequence": None,
    },
}
MASK = np.random.default_rng(0).random((3, 16, 16)) < 0.4
VALUES = np.random.default_rng(1).random((3, 16, 16)).astype(np.float32)
Made = compose.Composed | Iterable[compose.Composed]


def bare(images: list[Dataset]) -> list[Dataset]:
    for image in images:
        for element in list(image):
            if element.keyword not in BARE:
                del image[element.tag]
    return images


def _report() -> reports.Report:
    finding = reports.Text(reports.Code("121071", "DCM", "Finding"), "Nothing")
    return reports.Report(
        reports.Container(reports.Code("24627-2", "LN", "CT Chest Report"), children=(finding,))
    )


def _field() -> sitk.Image:
    return sitk.GetImageFromArray(np.ones((3, 4, 5, 3), np.float32), isVector=True)


KINDS: dict[str, Callable[[Path], Made]] = {
    "capture": lambda s: compose.secondary_capture(np.zeros((4, 4), np.uint8), source=s),
    "frames": lambda s: compose.secondary_capture(np.zeros((3, 4, 4), np.uint8), source=s),
    "photograph": lambda s: compose.photograph(np.zeros((4, 4, 3), np.uint8), source=s),
    "document": lambda s: compose.encapsulated(s.parent / "a.pdf", source=s),
    "key objects": lambda s: compose.key_object_selection(s),
    "presentation": lambda s: compose.presentation_state(s.parent / "state.json", source=s),
    "report": lambda s: compose.structured_report(_report(), source=s),
    "regions": lambda s: compose.rt_structure_set(
        [compose.Region("a", MASK)], source=s, holes="KEYHOLE"
    ),
    "segments": lambda s: compose.segmentation(MASK, source=s),
    "fractions": lambda s: compose.segmentation(VALUES, source=s, kind="fractional"),
    "map": lambda s: compose.parametric_map(VALUES, source=s, units_of_measure="mm"),
    "mapping": lambda s: compose.real_world_value_mapping(
        compose.RealWorldMapping("SUVbw", compose.units("g/ml"), slope=0.5), source=s
    ),
    "matrix": lambda s: compose.spatial_registration(np.eye(4), source=s),
    "field": lambda s: compose.deformable_registration(_field(), source=s),
    "fiducials": lambda s: compose.spatial_fiducials(
        [compose.Fiducial("apex", np.array([[-120.0, -130.0, -97.5]]))], source=s
    ),
    "CT": lambda s: compose.acquired_series(VALUES, modality="CT", source=s),
    "MR": lambda s: compose.acquired_series(VALUES, modality="MR", source=s, spacing=(1, 1, 1)),
    "PT": lambda s: compose.acquired_series(VALUES, modality="PT", source=s, spacing=(1, 1, 1)),
    "enhanced": lambda s: compose.acquired_series(VALUES, modality="CT", source=s, enhanced=True),
    "derived": lambda s: compose.derived_series(s, lambda values: values + 1),
}


@pytest.fixture(scope="module", params=[*SOURCES, "hardly anything"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "series"
    folder.mkdir()
    images = ct_series(3, 16, 16, **SOURCES.get(request.param, {}))
    for number, image in enumerate(images if request.param in SOURCES else bare(images)):
        (folder / f"{number}.dcm").write_bytes(part10_bytes(image))
    (folder.parent / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (folder.parent / "state.json").write_text(json.dumps({"window": [40, 400]}))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_valid_whatever_its_source_leaves_out(
    source: Path, kind: str, tmp_path: Path
) -> None:
    made = KINDS[kind](source)
    files = [
        one.save(tmp_path / f"{number}.dcm")
        for number, one in enumerate([made] if isinstance(made, compose.Composed) else made)
    ]
    given = [*source.iterdir()]
    wrong = {line for path in given for line in dciodvfy_errors(path)}  # a derived image keeps it
    assert [line for path in files for line in dciodvfy_errors(path) if line not in wrong] == []
    assert dcentvfy_errors([*given, *files]) == []


@pytest.mark.parametrize(("said", "expected"), [(None, "U"), ("L", "L"), ("R", "R")])
def test_frames_of_an_enhanced_object_say_the_side(said: str | None, expected: str) -> None:
    images = ct_series(3, 16, 16, BodyPartExamined="HAND", Laterality=said)
    (made,) = compose.acquired_series(VALUES, modality="CT", source=images, enhanced=True)
    groups = made.data_set.SharedFunctionalGroupsSequence[0]
    assert groups.FrameAnatomySequence[0].FrameLaterality == expected
    assert "Laterality" not in made.data_set
