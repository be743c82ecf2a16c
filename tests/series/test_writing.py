"""Series are written as new ones, derived from the images that they were made from."""

import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from tests.compose import judges
from tests.series.test_series import echoes, volume, write

from isocenter import Series
from isocenter.cli import main
from isocenter.errors import CannotCompose


@pytest.mark.parametrize(
    "change",
    [
        lambda series: series + 100,
        lambda series: series / 7,
        lambda series: series[1:4, ::2, 1:],
        lambda series: series[::-1],
        lambda series: series[2],
    ],
    ids=["added", "divided", "cut", "reversed", "slice"],
)
def test_a_changed_series_is_written_as_one_derived_from_its_images(tmp_path, change):
    series = change(Series.open(write(tmp_path / "s", volume())))
    paths = series.write(tmp_path / "out", description="Changed")
    assert judges.dcentvfy_errors(paths) == []
    assert judges.dciodvfy_errors(paths[0]) == []
    back = Series.open(tmp_path / "out")
    expected = np.asarray(series[np.argsort(series.axis("slice").values)])
    if series.ndim == 2:
        expected = np.asarray(series)[np.newaxis]
    assert np.abs(back.array - expected.astype(float)).max() <= 0.01
    header = back.header()
    assert header.ImageType[0] == "DERIVED"
    originals = {pydicom.dcmread(one).SOPInstanceUID for one in (tmp_path / "s").iterdir()}
    assert header.SourceImageSequence[0].ReferencedSOPInstanceUID in originals
    assert header.SeriesInstanceUID not in {
        pydicom.dcmread(one).SeriesInstanceUID for one in (tmp_path / "s").iterdir()
    }


@pytest.mark.parametrize("volumes", [1, 2])
def test_a_series_that_is_rounded_says_so_in_the_words_of_the_command(
    tmp_path, monkeypatch, capsys, volumes
):
    data_sets = volume() if volumes == 1 else echoes()
    series = Series.open(write(tmp_path / "s", data_sets))
    with pytest.warns(UserWarning, match=r"^values are rounded, by [\d.e-]+ at most$") as told:
        written = (series / 3).write(tmp_path / "out")
    (note,) = written.notes
    ours = [one for one in told if one.category is UserWarning]  # others close files meanwhile
    assert [(str(one.message), one.filename) for one in ours] == [(note, __file__)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert (series + 1).write(tmp_path / "exact").notes == ()
    if volumes == 1:
        sitk.WriteImage((series / 3).to_sitk(), str(tmp_path / "third.nii"))
        monkeypatch.chdir(tmp_path)
        command = ["isocenter", "derive", "s", "--pixels", "third.nii", "-o", "derived"]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit):
            main()
        assert f"note: {note}" in capsys.readouterr().out.splitlines()


def test_an_array_that_is_rounded_says_so(tmp_path):
    array = np.linspace(0, 1, 4 * 8 * 8).reshape(4, 8, 8)
    with pytest.warns(UserWarning, match="values are rounded, by"):
        Series.from_array(array, affine=np.eye(4)).write(tmp_path / "out", modality="CT")


def test_what_was_set_is_written(tmp_path):
    series = Series.open(write(tmp_path / "s", volume()))
    series.set("ImageComments", "noisy", slice=2)
    series.set("ImagePositionPatient", [1, 2, 500], slice=4)
    (series + 1).write(tmp_path / "out")
    back = Series.open(tmp_path / "out")
    assert back.get("ImageComments", slice=2) == "noisy"
    assert back.get("ImagePositionPatient", slice=4) == [1, 2, 500]


@pytest.mark.parametrize("template", [False, True])
def test_overrides_win_over_what_was_set(tmp_path, template):
    series = Series.open(write(tmp_path / "s", volume()))
    series.set("ImageComments", "noisy", slice=2)
    (tmp_path / "site.toml").write_text('[overrides]\nImageComments = "site"\n')
    said = (
        {"template_file": tmp_path / "site.toml"}
        if template
        else {"overrides": {"ImageComments": "site"}}
    )
    (series + 1).write(tmp_path / "out", **said)
    new = Series.from_array(series.array, affine=series.affine)
    new.set("ImageComments", "noisy")
    new.write(tmp_path / "new", modality="CT", **said)
    for folder in ("out", "new"):
        assert set(Series.open(tmp_path / folder).values_of("ImageComments").flat) == {"site"}


def test_volumes_of_several_echoes_are_one_series(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    paths = (series * 2).write(tmp_path / "out")
    assert judges.dcentvfy_errors(paths) == []
    back = Series.open(tmp_path / "out")
    assert np.array_equal(back, series.array * 2)
    assert back.axis("tag").values.tolist() == [10, 20, 30]
    assert sorted(int(one) for one in back.values_of("InstanceNumber").flat) == list(range(1, 13))


def test_a_mean_over_echoes_names_all_its_sources(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    paths = series.mean(axis=0).write(tmp_path / "out")
    assert judges.dciodvfy_errors(paths[0]) == []
    assert len(pydicom.dcmread(paths[0]).SourceImageSequence) == 3


def test_a_projection_is_written_where_it_is_said_to_lie(tmp_path):
    projection = Series.open(write(tmp_path / "s", volume())).max(axis=0)
    with pytest.raises(CannotCompose, match="no place of its own"):
        projection.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    projection.set("ImagePositionPatient", [-180, -180, 0])
    paths = projection.write(tmp_path / "out")
    assert judges.dciodvfy_errors(paths[0]) == []
    assert len(pydicom.dcmread(paths[0]).SourceImageSequence) == 5


def test_slices_shifted_by_a_tilted_gantry_keep_their_places(tmp_path):
    tilted = volume()
    for number, data_set in enumerate(tilted):
        data_set.ImagePositionPatient = [-10, -10 + 0.3 * number, 1.25 * number]
    series = Series.open(tilted)
    assert series.affine[:3, 2] == pytest.approx([0, 0.3, 1.25])
    with pytest.raises(CannotCompose, match="not perpendicular"):
        series.to_nifti(tmp_path / "v.nii")
    (series + 1).write(tmp_path / "out")
    assert Series.open(tmp_path / "out").positions == pytest.approx(series.positions)


def test_an_enhanced_object_is_derived_as_one(tmp_path):
    from isocenter.compose.acquisition.acquired import acquired_series

    array = np.random.default_rng(0).integers(0, 4000, (4, 8, 6)).astype(np.int16)
    (path,) = acquired_series(array, modality="MR", spacing=(2, 1, 1), enhanced=True).save(
        tmp_path / "in"
    )
    paths = (Series.open(path) + 5).write(tmp_path / "out")
    assert judges.dciodvfy_errors(paths[0]) == []
    assert np.array_equal(Series.open(paths[0]), array + 5)
    with pytest.raises(CannotCompose, match="part of a multi-frame"):
        Series.open(path)[1:].write(tmp_path / "part")
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("keyword", ["RescaleSlope", "BitsStored", "SOPInstanceUID"])
def test_what_follows_from_the_values_is_not_set_beside_them(tmp_path, keyword):
    series = Series.open(write(tmp_path / "ct", volume()))
    with pytest.raises(CannotCompose, match=f"{keyword} .*cannot be set"):
        series.set(keyword, 2)


def test_what_is_set_for_some_images_of_an_array_is_refused_where_it_would_be_lost(tmp_path):
    series = Series.from_array(np.zeros((3, 8, 8), np.int16))
    series.set("ImageComments", "noisy", slice=1)
    with pytest.raises(CannotCompose, match="ImageComments .*set it for all"):
        series.write(tmp_path / "new", modality="CT")
    assert not (tmp_path / "new").exists()
    series.set("ImageComments", "noisy")
    files = series.write(tmp_path / "new", modality="CT")
    assert {pydicom.dcmread(one).ImageComments for one in files} == {"noisy"}
