"""What belongs to one slice of a source goes to the slice at its place, and to no other."""

import copy

import numpy as np
import pydicom
import pytest
from tests.compose import judges
from tests.compose.derivation_sources import placed_series, written
from tests.compose.test_acquired import pet

from isocenter.compose.acquisition.acquired import acquired_series
from isocenter.dicom import Severity, validate
from isocenter.errors import CannotCompose

HALF_LIFE = 6586.2
BEDS = {
    "AcquisitionTime": ["110000", "110300"],
    "FrameReferenceTime": ["89000", "269000"],
    "ActualFrameDuration": ["180000", "170000"],
    "DecayFactor": ["1.0094", "1.0287"],
}
"""What two bed positions say, of three slices each."""


def images(count=6, **attributes):
    found = placed_series(count, **attributes)
    for one in found:
        one.SliceLocation = one.ImagePositionPatient[2]
    return found


def two_beds(folder, **attributes):
    slices = images(**pet(SeriesDate="20260102", SeriesTime="110000", **attributes))
    for number, one in enumerate(slices):
        for keyword, values in BEDS.items():
            setattr(one, keyword, values[number // 3])
    return written(folder, slices[::-1])


def matrix(spacing=(0.7, 0.9, 2.5), origin=(-20.0, 10.0, 33.0)):
    made = np.diag([*spacing, 1.0])
    made[:3, 3] = origin
    return made


def volume(slices=6):
    return np.random.default_rng(3).uniform(1, 900, (slices, 20, 24)).astype(np.float32)


def composed(tmp_path, **options):
    """The images of a series by where they lie."""
    paths = acquired_series(**options).save(tmp_path / "out")
    assert judges.dcentvfy_errors(paths) == []
    for path in paths:
        assert judges.dciodvfy_errors(path) == []
        assert [one for one in validate(path) if one.severity is Severity.ERROR] == []
    found = [pydicom.dcmread(path) for path in paths]
    return sorted(found, key=lambda one: one.ImagePositionPatient[2])


def test_each_slice_of_a_pet_series_has_the_times_of_the_source_at_its_place(tmp_path):
    source = two_beds(tmp_path / "source")
    found = composed(tmp_path, volume=volume(), modality="PT", source=source, affine=matrix())
    for number, one in enumerate(found):
        for keyword, values in BEDS.items():
            assert str(one[keyword].value) == values[number // 3], (number, keyword)
        assert (one.ImageIndex, one.NumberOfSlices) == (number + 1, 6)
        assert (one.SeriesDate, one.SeriesTime) == ("20260102", "110000")


def test_a_slice_between_those_of_the_source_is_corrected_to_the_same_moment(tmp_path):
    source = two_beds(tmp_path / "source")
    thin = matrix((0.7, 0.9, 1.0))
    found = composed(tmp_path, volume=volume(13), modality="PT", source=source, affine=thin)
    pairs = [(str(one.FrameReferenceTime), str(one.DecayFactor)) for one in found]
    # The beds meet 6.25 mm from the first slice.
    assert pairs == [("89000", "1.0094")] * 7 + [("269000", "1.0287")] * 6
    durations = [str(one.ActualFrameDuration or "") for one in found]
    assert durations == ["180000", *[""] * 4, "180000", *[""] * 4, "170000", "", ""]


def test_another_time_has_the_factor_of_the_half_life(tmp_path):
    source = two_beds(tmp_path / "source")
    found = composed(
        tmp_path,
        volume=np.stack([volume(), volume()]),
        modality="PT",
        source=source,
        affine=matrix(),
        tag=("FrameReferenceTime", [89000, 600000]),
    )
    early = [one for one in found if one.FrameReferenceTime == 89000]
    late = [one for one in found if one.FrameReferenceTime == 600000]
    assert [str(one.DecayFactor) for one in early[:3]] == ["1.0094"] * 3
    for one, (time, factor) in zip(late[::3], [(89, 1.0094), (269, 1.0287)], strict=True):
        expected = factor * 2 ** ((600 - time) / HALF_LIFE)
        assert float(one.DecayFactor) == pytest.approx(expected, rel=1e-9)
        assert one.ActualFrameDuration is None and one.AcquisitionTime == ""


def test_a_factor_that_nothing_says_is_asked_for(tmp_path):
    slices = images(**pet())
    options = {"volume": volume(), "modality": "PT", "source": slices, "affine": matrix()}
    with pytest.raises(CannotCompose, match=r"DecayFactor \(0054,1321\)"):
        acquired_series(**options).save(tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    found = composed(tmp_path, **options, overrides={"DecayFactor": "1.01"})
    assert {str(one.DecayFactor) for one in found} == {"1.01"}


def test_each_slice_of_a_ct_has_the_tube_current_of_the_source_at_its_place(tmp_path):
    slices = images()
    for number, one in enumerate(slices):
        one.XRayTubeCurrent, one.ExposureTime = str(100 + number), "500"
        one.AcquisitionTime, one.AcquisitionNumber = f"1100{number:02}", "2"
    found = composed(
        tmp_path,
        volume=volume(5),
        modality="CT",
        source=slices,
        affine=matrix(origin=(-20, 10, 33 + 2 * 2.5)),
    )
    assert [one.get("XRayTubeCurrent") for one in found] == [102, 103, 104, 105, None]
    assert [one.get("AcquisitionTime") for one in found] == [
        "110002", "110003", "110004", "110005", None,
    ]  # fmt: skip
    # All of the source say it, and say the same.
    assert {(one.ExposureTime, one.AcquisitionNumber) for one in found} == {(500, 2)}


def test_one_slice_of_a_source_says_nothing_of_the_others(tmp_path):
    one = images()[2]
    one.XRayTubeCurrent, one.AcquisitionTime = "180", "110000"
    found = composed(tmp_path, volume=volume(), modality="CT", source=one, affine=matrix())
    assert [image.get("XRayTubeCurrent") for image in found] == [None, None, 180, None, None, None]
    assert [image.KVP for image in found] == [one.KVP] * 6
    apart = acquired_series(
        volume(), modality="CT", source=one, affine=matrix(), same_frame_of_reference=False
    )
    assert not any("XRayTubeCurrent" in image.data_set for image in apart)


def echoes(count=4):
    """Two echoes in each plane, of which the second follows the first."""
    kind = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    said = {
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "RepetitionTime": "2000",
        "ScanOptions": "CG",
    }
    first = images(count, **kind, **said)
    second = [copy.deepcopy(one) for one in first]
    for number, (one, other) in enumerate(zip(first, second, strict=True)):
        other.SOPInstanceUID = pydicom.uid.generate_uid()
        one.EchoTime, other.EchoTime = "10", "80"
        one.TriggerTime, other.TriggerTime = str(number), str(100 + number)
    return [*first, *second]


def test_volumes_that_a_tag_tells_apart_take_what_the_source_says_of_theirs(tmp_path):
    found = composed(
        tmp_path,
        volume=np.stack([volume(4)] * 3),
        modality="MR",
        source=echoes(),
        affine=matrix(),
        tag=("EchoTime", [10, 40, 80]),
    )
    triggers = {float(echo): [] for echo in (10, 40, 80)}
    for one in found:
        triggers[float(one.EchoTime)].append(one.get("TriggerTime"))
    assert triggers == {10: [0, 1, 2, 3], 40: [None] * 4, 80: [100, 101, 102, 103]}


def test_what_the_images_of_a_place_do_not_agree_on_is_left_out(tmp_path):
    found = composed(tmp_path, volume=volume(4), modality="MR", source=echoes(), affine=matrix())
    assert all(one.EchoTime is None and one.TriggerTime is None for one in found)
    assert {one.RepetitionTime for one in found} == {2000}


def test_what_only_gated_images_have_is_not_taken_of_others(tmp_path):
    source = echoes()
    for one in source:
        one.ScanOptions = "SP"
    found = composed(tmp_path, volume=volume(4), modality="MR", source=source, affine=matrix())
    assert not any("TriggerTime" in one for one in found)


def test_overrides_win_over_what_a_slice_says(tmp_path):
    slices = images()
    for number, one in enumerate(slices):
        one.XRayTubeCurrent, one.AcquisitionTime = str(100 + number), f"1100{number:02}"
    found = composed(
        tmp_path,
        volume=volume(),
        modality="CT",
        source=slices,
        affine=matrix(),
        overrides={"XRayTubeCurrent": 7, "(0008,0032)": None},
    )
    assert {one.XRayTubeCurrent for one in found} == {7}
    assert not any("AcquisitionTime" in one for one in found)


def test_explain_says_of_which_slice_a_value_is(tmp_path):
    source = two_beds(tmp_path / "source")
    series = acquired_series(volume(), modality="PT", source=source, affine=matrix())
    (row,) = [one for one in series.explain() if one["keyword"] == "DecayFactor"]
    assert (row["origin"], row["detail"]) == ("copied", str(source / "005.dcm"))
