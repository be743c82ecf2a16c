"""`isocenter volume` and `isocenter compose series`: to research and back."""

import numpy as np
import pytest
import SimpleITK as sitk
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series, part10_bytes

from isocenter.cli import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "series").mkdir()
    for number, one in enumerate(ct_series(4)):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))

    def isocenter(*arguments):
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return isocenter


def read(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def test_a_series_goes_to_nifti_and_comes_back(run, tmp_path):
    code, out, _ = run("volume", "series", "-o", "v.nii.gz")
    assert (code, out) == (0, "wrote v.nii.gz: 4 slices, 64 rows, 64 columns, int16\n")
    code, out, _ = run(
        "compose", "series", "v.nii.gz", "--modality", "ct", "--from", "series", "-o", "back"
    )
    assert (code, out) == (0, "wrote 4 CT Image Storage to back\n")
    ours, theirs = read(tmp_path / "back"), read(tmp_path / "series")
    assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
    assert ours.GetOrigin() == pytest.approx(theirs.GetOrigin(), abs=1e-4)
    assert all(dciodvfy_errors(path) == [] for path in (tmp_path / "back").iterdir())


def test_several_volumes_are_told_apart_by_what_is_said(run, tmp_path):
    np.save(tmp_path / "v.npy", np.arange(2 * 3 * 8 * 6, dtype=np.int16).reshape(2, 3, 8, 6))
    code, _, error = run(
        *("compose", "series", "v.npy", "--modality", "MR", "--spacing", "2x1x1mm"),
        *("--tag", "EchoTime=10,20", "-o", "out"),
    )
    assert (code, error) == (0, "")
    code, out, _ = run("volume", "out", "--by", "echo", "-o", "w.npy")
    assert out == "wrote w.npy: 2 of EchoTime, 3 slices, 8 rows, 6 columns, int16\n"
    assert np.array_equal(np.load(tmp_path / "w.npy"), np.load(tmp_path / "v.npy"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("volume", "series", "-o", "v.png"), "names no format"),
        (("volume", "series", "-o", "no/v.nii"), "no such folder: no"),
        (("volume", "nowhere", "-o", "v.nii"), "no such file or folder: nowhere"),
        (("compose", "series", "v.npy", "--modality", "CT"), "say where the series goes"),
        (("compose", "series", "v.npy", "--modality", "CT", "-o", "out"), "no file v.npy"),
        (
            ("compose", "series", "v.npy", "--modality", "CT", "-o", "out", "--tag", "EchoTime=a"),
            "write numbers",
        ),
    ],
)
def test_mistakes_are_told_and_leave_nothing(run, tmp_path, arguments, message):
    code, out, error = run(*arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert [one.name for one in tmp_path.iterdir()] == ["series"]
