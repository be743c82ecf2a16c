"""PET images keep the times by which their values are corrected when others are derived of them."""

import numpy as np
import pydicom
import pytest
from tests.compose import judges
from tests.compose.derivation_sources import written
from tests.compose.test_acquired import pet
from tests.compose.test_acquired_slices import BEDS, images

from isocenter import Series, compose
from isocenter.compose.derivation.operations import Resample, Smooth

SERIES = {
    "Units": "BQML",
    "CountsSource": "EMISSION",
    "CollimatorType": "NONE",
    "NumberOfSlices": 6,
    "SeriesDate": "20260102",
    "SeriesTime": "110000",
    "PatientPosition": None,
    "PatientOrientationCodeSequence": [],
    "PatientGantryRelationshipCodeSequence": [],
}
DYNAMIC = ("FrameReferenceTime", "DecayFactor", "AcquisitionTime")
TIMES = [("30000", "1.0032", "110000"), ("90000", "1.0095", "110100")]


def whole_body(folder, **said):
    """Two bed positions of three slices each."""
    slices = images(**pet(**SERIES, SeriesType=["WHOLE BODY", "IMAGE"], **said))
    for number, one in enumerate(slices):
        one.ImageIndex = number + 1
        for keyword, values in BEDS.items():
            setattr(one, keyword, values[number // 3])
    return written(folder, slices)


def dynamic(folder):
    """Six slices at two times."""
    said = SERIES | {"SeriesType": ["DYNAMIC", "IMAGE"], "NumberOfTimeSlices": 2}
    many = []
    for time, values in enumerate(TIMES):
        for number, one in enumerate(images(**pet(**said, ActualFrameDuration="60000"))):
            one.InstanceNumber = one.ImageIndex = 6 * time + number + 1
            for keyword, value in zip(DYNAMIC, values, strict=True):
                setattr(one, keyword, value)
            if many:
                for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
                    setattr(one, keyword, many[0][keyword].value)
            many.append(one)
    return written(folder, many)


def accepted(paths):
    assert judges.dcentvfy_errors(paths) == []
    for path in paths:
        assert judges.dciodvfy_errors(path) == []
    return [pydicom.dcmread(path) for path in paths]


@pytest.mark.parametrize(
    "operation",
    [Smooth(2.0), Resample((0.9, 0.7, 1.5)), lambda values: values * 2],
    ids=["smoothed", "resampled", "a function"],
)
def test_derived_pet_images_are_corrected_to_the_moment_of_their_source(tmp_path, operation):
    source = whole_body(tmp_path / "source")
    found = accepted(compose.derived_series(source, operation).save(tmp_path / "out"))
    pairs = set(zip(BEDS["FrameReferenceTime"], BEDS["DecayFactor"], strict=True))
    assert {(str(one.FrameReferenceTime), str(one.DecayFactor)) for one in found} == pairs
    assert {(one.SeriesDate, one.SeriesTime) for one in found} == {("20260102", "110000")}
    assert [one.ImageIndex for one in found] == list(range(1, len(found) + 1))
    assert {tuple(one.ImageType) for one in found} == {("DERIVED", "PRIMARY", "AXIAL")}


def test_a_part_of_a_pet_series_counts_its_own_slices_and_times(tmp_path):
    series = Series.open(dynamic(tmp_path / "source"))
    found = accepted((series[1, 2:5] * 1.0).write(tmp_path / "out"))
    assert [one.ImageIndex for one in found] == [1, 2, 3]
    assert {(one.NumberOfSlices, one.NumberOfTimeSlices) for one in found} == {(3, 1)}
    assert {str(one.DecayFactor) for one in found} == {"1.0095"}


def test_volumes_of_several_times_are_written_as_one_series(tmp_path):
    series = Series.open(dynamic(tmp_path / "source"))
    found = accepted((series * 1.0).write(tmp_path / "out"))
    assert [one.ImageIndex for one in found] == list(range(1, 13))
    said = [tuple(str(one[key].value) for key in DYNAMIC) for one in found]
    assert said == [TIMES[0]] * 6 + [TIMES[1]] * 6


def test_a_mean_over_times_has_the_factor_of_one_of_them(tmp_path):
    series = Series.open(dynamic(tmp_path / "source"))
    found = accepted(np.mean(series, axis=0).write(tmp_path / "out"))
    assert {tuple(str(one[key].value) for key in DYNAMIC[:2]) for one in found} == {TIMES[0][:2]}
    assert {one.AcquisitionTime for one in found} == {""}
    assert [one.ImageIndex for one in found] == [1, 2, 3, 4, 5, 6]
