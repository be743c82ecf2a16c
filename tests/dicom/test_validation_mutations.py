"""Sound objects broken in one place: what we, dciodvfy and dcentvfy say, and why not the same."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import ct_series, ct_slice, part10_bytes

from isocenter.compose import acquired_series, deformable_registration
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.dicom import Severity, validate_files

pytestmark = pytest.mark.peer

Change = Callable[[Dataset], object]


def grid(**attributes: object) -> Change:
    def change(data_set: Dataset) -> None:
        (registration,) = data_set.DeformableRegistrationSequence
        (item,) = registration.DeformableRegistrationGridSequence
        for keyword, value in attributes.items():
            setattr(item, keyword, value)

    return change


def rigid(*numbers: float) -> Change:
    def change(data_set: Dataset) -> None:
        item = Dataset()
        item.FrameOfReferenceTransformationMatrix = list(numbers)
        item.FrameOfReferenceTransformationMatrixType = "RIGID"
        data_set.DeformableRegistrationSequence[0].PreDeformationMatrixRegistrationSequence = [item]

    return change


def attributes(**values: object) -> Change:
    def change(data_set: Dataset) -> None:
        for keyword, value in values.items():
            setattr(data_set, keyword, value)

    return change


def table(descriptor: list[int], data: bytes) -> Change:
    item = Dataset()
    item.LUTDescriptor = descriptor
    item.add_new(0x00283006, "OW", data)
    return attributes(VOILUTSequence=[item])


def unnamed_scheme(data_set: Dataset) -> None:
    reference, purpose = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodeMeaning = "1", "x"
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.3", "1.2.4"
    reference.PurposeOfReferenceCodeSequence = [purpose]
    data_set.ReferencedImageSequence = [reference]


def frames(change: Callable[[list[Dataset]], list[Dataset]]) -> Change:
    def changed(data_set: Dataset) -> None:
        groups = list(data_set.PerFrameFunctionalGroupsSequence)
        data_set.PerFrameFunctionalGroupsSequence = change(groups)

    return changed


def unplaced(data_set: Dataset) -> None:
    del data_set.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def shared_twice(data_set: Dataset) -> None:
    (shared,) = data_set.SharedFunctionalGroupsSequence
    data_set.SharedFunctionalGroupsSequence = [shared, copy.deepcopy(shared)]


@pytest.fixture(scope="module")
def sound() -> dict[str, Dataset]:
    field = DisplacementField.from_array(np.zeros((2, 3, 4, 3), np.float32))
    volume = np.arange(120, dtype=np.int16).reshape(4, 6, 5)
    enhanced = acquired_series(volume, modality="MR", affine=np.eye(4), enhanced=True)
    return {
        "grid": deformable_registration(field, source=ct_series(3)).data_set,
        "image": ct_slice(8, 8),
        "frames": next(iter(enhanced)).data_set,
    }


BOTH = [
    ("grid", grid(ImageOrientationPatient=["2", "0", "0", "0", "1", "0"]), "ImageOrientation"),
    ("grid", grid(ImageOrientationPatient=["1", "0", "0", "0.6", "0.8", "0"]), "ImageOrientation"),
    ("grid", grid(ImagePositionPatient=["0", "0"]), "ImagePosition"),
    ("grid", rigid(*[1] * 15), "FrameOfReferenceTransformationMatrix"),
    ("image", table([4, 0, 16], bytes(4)), "LUTData"),
    ("image", table([4, 0, 16], bytes(16)), "LUTData"),
    ("image", table([4, 0, 20], bytes(8)), "LUTDescriptor"),
    ("image", unnamed_scheme, "CodingSchemeDesignator"),
    ("frames", frames(lambda groups: groups[:-1]), "PerFrameFunctionalGroupsSequence"),
    ("frames", frames(lambda groups: [*groups, groups[0]]), "PerFrameFunctionalGroupsSequence"),
    ("frames", attributes(NumberOfFrames=3), "PerFrameFunctionalGroupsSequence"),
    ("frames", unplaced, "PlanePositionSequence"),
    ("frames", shared_twice, "SharedFunctionalGroupsSequence"),
]
# dciodvfy looks at each attribute of a registration and of a window alone. By PS3.3 C.20.3 there
# are as many vectors as grid points, by C.20.2 a rigid matrix only turns and moves, and by C.11.2
# each center has a width.
OURS_ALONE = [
    ("grid", grid(GridDimensions=[4, 3, 3]), "VectorGridData"),
    ("grid", grid(GridDimensions=[0, 3, 2]), "GridDimensions"),
    ("grid", grid(GridResolution=[0, 1, 1]), "GridResolution"),
    ("grid", grid(VectorGridData=bytes(24)), "VectorGridData"),
    ("grid", rigid(2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), "TransformationMatrix"),
    ("grid", rigid(-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), "TransformationMatrix"),
    ("grid", rigid(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1), "TransformationMatrix"),
    ("grid", rigid(*[0] * 15, 1), "TransformationMatrix"),
    ("image", attributes(WindowCenter=["1", "2"], WindowWidth=["5"]), "WindowWidth"),
    ("image", attributes(WindowCenter=["1"], WindowWidth=["5", "6"]), "WindowWidth"),
]


def written(folder: Path, *data_sets: Dataset) -> list[Path]:
    paths = [folder / f"{number}.dcm" for number in range(len(data_sets))]
    for path, data_set in zip(paths, data_sets, strict=True):
        path.write_bytes(part10_bytes(data_set))
    return paths


def ours(paths: list[Path]) -> list[str]:
    found = validate_files(paths).findings
    return [one.keyword for one in found if one.severity is Severity.ERROR]


def test_nothing_is_said_of_the_sound_objects(sound, tmp_path):
    for data_set in sound.values():
        (path,) = written(tmp_path, data_set)
        assert ours([path]) == dciodvfy_errors(path) == []


@pytest.mark.parametrize(("kind", "change", "keyword"), BOTH)
def test_both_say_of_the_same_attribute_that_it_is_wrong(sound, tmp_path, kind, change, keyword):
    data_set = copy.deepcopy(sound[kind])
    change(data_set)
    (path,) = written(tmp_path, data_set)
    assert any(one.startswith(keyword) for one in ours([path]))
    assert any(keyword in line for line in dciodvfy_errors(path))


@pytest.mark.parametrize(("kind", "change", "keyword"), OURS_ALONE)
def test_we_find_what_attributes_say_together(sound, tmp_path, kind, change, keyword):
    data_set = copy.deepcopy(sound[kind])
    change(data_set)
    (path,) = written(tmp_path, data_set)
    assert any(keyword in one for one in ours([path]))
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "OTHER"),
        ("PatientName", "OTHER^PATIENT"),
        ("StudyInstanceUID", "1.2.9.9"),
        ("StudyDate", "19990101"),
        ("Modality", "MR"),
        ("SeriesNumber", "77"),
    ],
)
def test_files_that_belong_together_are_compared_as_dcentvfy_does(tmp_path, keyword, value):
    images = ct_series(2)
    setattr(images[1], keyword, value)
    paths = written(tmp_path, *images)
    assert ours(paths) == [keyword]
    assert any(keyword in line for line in dcentvfy_errors(paths))


def test_a_second_frame_of_reference_in_a_series_is_found_by_us_alone(tmp_path):
    """A series has one at most; dcentvfy compares only what the modules of a series say."""
    images = ct_series(2)
    images[1].FrameOfReferenceUID = "1.2.9.8"
    paths = written(tmp_path, *images)
    assert ours(paths) == ["FrameOfReferenceUID"]
    assert dcentvfy_errors(paths) == []
